/**
 * What plans reckon with against what training takes: the peak resident memory of a fresh process that takes
 * two steps of two micro-batches each and reads a checkpoint.
 *
 *     deno task instruments training-estimate [--engine cpu] [--threads N] [--json]
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { type Engine, engineModule } from "../../engine/mod.ts";
import {
  differentiate,
  initialiseBody,
  initialiseTable,
  languageModelGraph,
  type ModelConfig,
} from "../../model/mod.ts";
import { formatBytes, Random, seedOf } from "../../base/mod.ts";
import { readTensors, trainingBytes } from "../../training/mod.ts";
import { peakBytes } from "../support/process_memory.ts";

/** Blocks, width, heads, vocabulary, context, sequences of a micro-batch. */
export type Shape = readonly [number, number, number, number, number, number];

const shapes: readonly Shape[] = [
  [2, 64, 2, 1024, 64, 4],
  [4, 256, 4, 8192, 256, 2],
  [4, 256, 4, 8192, 256, 8],
  [4, 256, 4, 50_257, 256, 8],
  [6, 512, 8, 32_768, 512, 4],
  [12, 768, 12, 50_257, 512, 1],
  [12, 768, 12, 50_257, 512, 4],
];

interface Measured {
  readonly shape: string;
  readonly estimatedBytes: number;
  readonly peakBytes: number;
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      engine: { type: "string", default: "cpu" },
      threads: { type: "string", default: String(navigator.hardwareConcurrency) },
      json: { type: "boolean", default: false },
      shape: { type: "string" },
    },
  });
  const settings = { engine: values.engine, threads: Number(values.threads) };
  if (values.shape !== undefined) {
    const shape = JSON.parse(values.shape) as Shape;
    return console.log(String(await peakOf(shape, settings)));
  }
  const rows: Measured[] = [];
  for (const shape of shapes) {
    const [nLayers, dModel, , vocabSize, seqLen, sequences] = shape;
    const peakBytes = await peakOfProcess(shape, settings);
    const row = {
      shape: `${nLayers} × ${dModel}, V ${vocabSize}, ${sequences} × ${seqLen}`,
      estimatedBytes: trainingBytes(configOf(shape), sequences),
      peakBytes,
    };
    rows.push(row);
    if (values.json) continue;
    console.log(
      `${row.shape.padEnd(30)} estimate ${formatBytes(row.estimatedBytes).padStart(8)}  peak ${
        formatBytes(peakBytes).padStart(8)
      }  ${(row.estimatedBytes / peakBytes).toFixed(2)} ×`,
    );
  }
  if (values.json) console.log(JSON.stringify(rows));
}

function configOf([nLayers, dModel, nHeads, vocabSize, seqLen]: Shape): ModelConfig {
  return {
    nLayers,
    dModel,
    nHeads,
    vocabSize,
    seqLen,
    expansion: 4,
    positions: "alibi",
    bias: true,
  };
}

/** The most bytes that a fresh process has had which trains so. */
export async function peakOfProcess(
  shape: Shape,
  { engine, threads }: { readonly engine: string; readonly threads: number },
): Promise<number> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      fileURLToPath(new URL("./main.ts", import.meta.url)),
      "training-estimate",
      ...["--shape", JSON.stringify(shape), "--engine", engine, "--threads", String(threads)],
    ],
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`The process that trains ended with code ${code}`);
  return Number(new TextDecoder().decode(stdout).trim());
}

/** Trains in this process. @returns The most bytes that it has had. */
async function peakOf(
  shape: Shape,
  { engine: name, threads }: { readonly engine: string; readonly threads: number },
): Promise<number> {
  const config = configOf(shape);
  const sequences = shape[5];
  const { engine } = await import(engineModule(name)) as { engine: Engine };
  const program = await engine.compileTraining(
    differentiate(languageModelGraph(config, sequences)),
    {
      threads,
      precision: "fp32",
      optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 },
    },
  );
  const table = initialiseTable(config.vocabSize, config.dModel, seedOf(1, "init/embedding/bench"));
  const sent = {
    ...initialiseBody(config, seedOf(1, "init/body")),
    "embedding.token.weight": table,
  };
  await program.write(sent);
  const random = new Random(seedOf(1, "bench/estimate"));
  const count = sequences * config.seqLen;
  for (let step = 0; step < 2; step++) {
    for (let micro = 0; micro < 2; micro++) {
      const ids = Int32Array.from({ length: count }, () => random.below(config.vocabSize));
      const weights = new Float32Array(count).fill(1 / (2 * count));
      await program.accumulate({ tokens: ids, targets: ids, weights });
    }
    await program.update({ learningRate: 1e-4, clipNorm: 1 });
  }
  const checkpoint = [await readTensors(program), await program.readOptimizer(), sent];
  const peak = peakBytes();
  if (checkpoint.length === 0) throw new Error("Cannot happen: what was read is held until now");
  await program.dispose();
  return peak;
}
