/**
 * Measures training steps: a forward and backward pass and one AdamW update, at fixed sizes.
 *
 *     deno task bench train [--engine cpu] [--size medium] [--steps 20] [--json]
 *
 * The first steps page memory in and are left out. FLOPs are those of the matrix products, from `flopsPerToken`.
 */
import { parseArgs } from "node:util";
import { type Engine, engineModule } from "../engine/mod.ts";
import {
  differentiate,
  flopsPerToken,
  initialiseBody,
  initialiseTable,
  languageModelGraph,
  type ModelConfig,
} from "../model/mod.ts";
import { Random, seedOf, UsageError } from "../pipeline/base/mod.ts";

interface Size {
  readonly config: ModelConfig;
  readonly batchSize: number;
  readonly threads: number;
}

export interface TrainingMeasurement {
  readonly size: string;
  readonly engine: string;
  readonly threads: number;
  readonly parameters: number;
  readonly tokensPerStep: number;
  /** Time to compile the training graph. */
  readonly openMs: number;
  readonly firstStepMs: number;
  /** The median step: forward, backward and update. */
  readonly stepMs: number;
  readonly bestStepMs: number;
  /** The update's share of the median step. */
  readonly updateMs: number;
  readonly tokensPerSecond: number;
  readonly gflopPerSecond: number;
  readonly residentMb: number;
  readonly lossNats: number;
}

const common = { nHeads: 4, expansion: 4, positions: "alibi", bias: true } as const;

const sizes: Readonly<Record<string, Size>> = {
  tiny: {
    config: { ...common, nLayers: 3, dModel: 96, seqLen: 128, vocabSize: 1500 },
    batchSize: 16,
    threads: 1,
  },
  small: {
    config: { ...common, nLayers: 3, dModel: 128, seqLen: 128, vocabSize: 1500 },
    batchSize: 16,
    threads: 1,
  },
  medium: {
    config: { ...common, nLayers: 4, dModel: 256, seqLen: 256, vocabSize: 8192 },
    batchSize: 8,
    threads: 2,
  },
};

const warmUpSteps = 3;

/** Runs the benchmark as the command line asks for it and prints a line a size. */
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      engine: { type: "string", default: "cpu" },
      size: { type: "string", multiple: true, default: Object.keys(sizes) },
      steps: { type: "string", default: "20" },
      json: { type: "boolean", default: false },
    },
  });
  const steps = Number(values.steps);
  if (!(Number.isInteger(steps) && steps >= 1)) {
    throw new UsageError(
      `Cannot measure training: expected --steps of 1 or more, found ${values.steps}`,
    );
  }
  const { engine } = await import(engineModule(values.engine)) as { engine: Engine };
  for (const size of values.size) {
    if (!Object.hasOwn(sizes, size)) {
      const known = Object.keys(sizes).join(", ");
      throw new UsageError(
        `Cannot measure training: expected --size to be one of ${known}, found "${size}"`,
      );
    }
    const measured = await measureTraining(size, engine, steps);
    console.log(values.json ? JSON.stringify(measured) : lineOf(measured));
  }
}

/** Trains on seeded random tokens and measures every step after the warm-up. */
export async function measureTraining(
  size: string,
  engine: Engine,
  steps: number,
): Promise<TrainingMeasurement> {
  const { config, batchSize, threads } = sizes[size];
  const graph = differentiate(languageModelGraph(config, batchSize));
  const opened = performance.now();
  const program = await engine.compileTraining(graph, {
    threads,
    precision: "fp32",
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
  });
  const openMs = performance.now() - opened;
  const values = {
    "embedding.token.weight": initialiseTable(
      config.vocabSize,
      config.dModel,
      seedOf(1, "init/embedding/bench"),
    ),
    ...initialiseBody(config, seedOf(1, "init/body")),
  };
  await program.write(values);

  const random = new Random(seedOf(1, "order/bench/bench"));
  const tokensPerStep = batchSize * config.seqLen;
  const stepMs: number[] = [];
  const updateMs: number[] = [];
  let lossNats = NaN;
  for (let step = 0; step < warmUpSteps + steps; step++) {
    const ids = Int32Array.from(
      { length: tokensPerStep + 1 },
      () => Math.floor(config.vocabSize * random.float64() ** 3), // some words are frequent
    );
    const feeds = {
      tokens: ids.slice(0, -1),
      targets: ids.slice(1),
      weights: new Float32Array(tokensPerStep).fill(1 / tokensPerStep),
    };
    const started = performance.now();
    const { loss } = await program.accumulate(feeds);
    const accumulated = performance.now();
    await program.update({ learningRate: 1e-3, clipNorm: 1 });
    stepMs.push(performance.now() - started);
    updateMs.push(performance.now() - accumulated);
    lossNats = loss[0];
  }
  const residentMb = Deno.memoryUsage().rss / 1e6;
  await program.dispose();
  const median = medianOf(stepMs.slice(warmUpSteps));
  return {
    size,
    engine: engine.name,
    threads,
    parameters: Object.values(values).reduce((sum, { length }) => sum + length, 0),
    tokensPerStep,
    openMs,
    firstStepMs: stepMs[0],
    stepMs: median,
    bestStepMs: Math.min(...stepMs.slice(warmUpSteps)),
    updateMs: medianOf(updateMs.slice(warmUpSteps)),
    tokensPerSecond: tokensPerStep / median * 1000,
    gflopPerSecond: flopsPerToken(config) * tokensPerStep / median / 1e6,
    residentMb,
    lossNats,
  };
}

function lineOf(measured: TrainingMeasurement): string {
  const { size, engine, threads, parameters, tokensPerStep } = measured;
  return [
    `${size} (${
      (parameters / 1e6).toFixed(2)
    } M parameters, ${tokensPerStep} tokens a step, ${engine}, ${threads} threads):`,
    `step ${measured.stepMs.toFixed(1)} ms (best ${measured.bestStepMs.toFixed(1)},`,
    `update ${measured.updateMs.toFixed(1)}, first ${measured.firstStepMs.toFixed(0)}),`,
    `${measured.tokensPerSecond.toFixed(0)} tokens/s, ${
      measured.gflopPerSecond.toFixed(0)
    } GFLOP/s,`,
    `compiled in ${measured.openMs.toFixed(0)} ms, ${measured.residentMb.toFixed(0)} MB resident`,
  ].join(" ");
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

if (import.meta.main) await main(Deno.args);
