/**
 * Whether training holds on to memory: the resident memory of a process over thousands of steps of a tiny model.
 *
 *     deno task instruments training-memory [--steps 10000] [--engine cpu] [--json]
 *
 * The slope is a least-squares line through what is resident after each 1 % of the steps. As many steps go before: in these
 * the heap finds its size (some 20 MB).
 */
import { parseArgs } from "node:util";
import { languageModelGraph } from "../../model/mod.ts";
import { formatBytes, Random, seedOf, UsageError } from "../../base/mod.ts";
import { emptyRecord } from "../../training/mod.ts";
import { startTraining, trainOnRandom } from "../support/training_steps.ts";

/** A process that grows faster than this holds on to something: bytes a step. */
const limit = 1000;

const config = {
  nLayers: 1,
  dModel: 32,
  nHeads: 2,
  expansion: 4,
  seqLen: 16,
  vocabSize: 300,
  positions: "alibi",
  bias: true,
} as const;

const batchSize = 2;

interface MemoryReport {
  readonly bytesPerStep: number;
  readonly firstBytes: number;
  readonly lastBytes: number;
  readonly peakBytes: number;
  readonly steps: number;
  readonly engine: string;
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      steps: { type: "string", default: "10000" },
      engine: { type: "string", default: "cpu" },
      json: { type: "boolean", default: false },
    },
  });
  const steps = Number(values.steps);
  if (!(Number.isInteger(steps) && steps >= 100)) {
    throw new UsageError(
      `Cannot measure memory: expected --steps to be a whole number of 100 or more, found "${values.steps}"`,
    );
  }
  const report = await measureMemory(values.engine, steps);
  if (values.json) console.log(JSON.stringify(report));
  else {
    console.log(
      `${steps} steps on ${report.engine}: ${report.bytesPerStep.toFixed(1)} bytes a step ` +
        `(${formatBytes(report.firstBytes)} to ${formatBytes(report.lastBytes)}, peak ${
          formatBytes(report.peakBytes)
        }); expected under ${limit}`,
    );
  }
  if (report.bytesPerStep >= limit) Deno.exitCode = 1;
}

/** Trains as a stage does, `steps` steps unseen and as many more during which memory is looked at a hundred times. */
export async function measureMemory(engineName: string, steps: number): Promise<MemoryReport> {
  const graph = languageModelGraph(config, batchSize);
  const program = await startTraining(graph, config, { engine: engineName, threads: 1 });
  const random = new Random(seedOf(1, "bench/memory"));
  const every = Math.floor(steps / 100);
  const seen: { readonly step: number; readonly bytes: number }[] = [];
  const record = emptyRecord(0);
  await trainOnRandom(program, { config, batchSize }, 2 * steps, random, {
    record,
    // deno-lint-ignore require-await
    afterStep: async () => {
      if (record.step <= steps || record.step % every !== 0) return;
      seen.push({ step: record.step, bytes: Deno.memoryUsage().rss });
    },
  });
  await program.dispose();
  return {
    bytesPerStep: slopeOf(seen),
    firstBytes: seen[0].bytes,
    lastBytes: seen[seen.length - 1].bytes,
    peakBytes: seen.reduce((most, { bytes }) => Math.max(most, bytes), 0),
    steps,
    engine: engineName,
  };
}

/** Least squares: Σ(x − x̄)(y − ȳ) / Σ(x − x̄)². */
export function slopeOf(
  points: readonly { readonly step: number; readonly bytes: number }[],
): number {
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(points.map(({ step }) => step));
  const y = mean(points.map(({ bytes }) => bytes));
  let [both, square] = [0, 0];
  for (const { step, bytes } of points) {
    both += (step - x) * (bytes - y);
    square += (step - x) ** 2;
  }
  return both / square;
}
