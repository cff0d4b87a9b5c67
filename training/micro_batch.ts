/**
 * The largest micro-batch that fits this machine: found once, then kept beside the checkpoints, as results depend on it.
 */
import { existsSync, readFileSync } from "node:fs";
import type { AdamWOptions, Engine, EngineOptions } from "../engine/mod.ts";
import {
  differentiate,
  languageModelGraph,
  type ModelConfig,
  peakLiveBytes,
} from "../model/mod.ts";
import { formatBytes, messageOf, StageError, writeFileAtomic } from "../pipeline/base/mod.ts";
import type { StageLog } from "../pipeline/stage.ts";

/** What a recipe may say: a number, or that the largest is wanted. */
export type MicroBatchSize = number | "auto";

export interface MicroBatchSearch {
  readonly microBatchSize: MicroBatchSize;
  /** A multiple of what is found. */
  readonly batchSize: number;
  /** With the largest vocabulary. */
  readonly config: ModelConfig;
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly optimizer: AdamWOptions;
  readonly checkpointFolder: string;
  readonly log: StageLog;
}

/** Engines hold more than live values: fragments, copies, workspaces. */
const overhead = 1.7;
/** Weights, summed gradients, two moments, and a copy on its way to a checkpoint. */
const copiesOfParameters = 5;
/** Of the memory that is free. */
const usableShare = 0.8;

/**
 * The recipe's number, or the largest divisor of the batch that fits: by its size where the system tells how much memory is
 * free, then by a step of it.
 * @throws StageError when not even single sequences fit.
 */
export async function resolveMicroBatch(search: MicroBatchSearch): Promise<number> {
  const { microBatchSize, batchSize, config, checkpointFolder, log } = search;
  if (microBatchSize !== "auto") return microBatchSize;
  const path = `${checkpointFolder}/micro_batch.json`;
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")).microBatchSize;
  const free = freeBytes();
  for (let size = batchSize; size >= 1; size--) {
    if (batchSize % size !== 0) continue;
    const bytes = trainingBytes(config, size);
    if (size > 1 && bytes > usableShare * free) continue;
    const refusal = await tryStep(search, size);
    if (refusal === undefined) {
      Deno.mkdirSync(checkpointFolder, { recursive: true });
      writeFileAtomic(path, JSON.stringify({ microBatchSize: size }));
      log.info("micro-batch", { size, estimatedBytes: bytes });
      return size;
    }
    log.warn(`micro-batches of ${size} do not fit`, { reason: refusal });
  }
  throw new StageError(
    `Cannot find a micro-batch: expected one sequence of ${config.seqLen} tokens to fit, ` +
      `found ${formatBytes(trainingBytes(config, 1))} needed; lower model.seqLen or the vocabulary`,
  );
}

/** Bytes that training with micro-batches of this size takes, about. */
export function trainingBytes(config: ModelConfig, microBatchSize: number): number {
  const graph = differentiate(languageModelGraph(config, microBatchSize));
  const parameters = Object.values(graph.parameters)
    .reduce((sum, { shape }) => sum + shape.reduce((size, length) => size * length, 1), 0);
  return overhead * peakLiveBytes(graph) + 4 * copiesOfParameters * parameters;
}

/** Takes one step; what speaks against it, or undefined. */
async function tryStep(
  { config, engine, engineOptions, optimizer }: MicroBatchSearch,
  size: number,
): Promise<string | undefined> {
  try {
    const graph = differentiate(languageModelGraph(config, size));
    const program = await engine.compileTraining(graph, { ...engineOptions, optimizer });
    const count = size * config.seqLen;
    const ids = Int32Array.from({ length: count }, (_, i) => i % config.vocabSize);
    const weights = new Float32Array(count);
    await program.accumulate({ tokens: ids, targets: ids, weights });
    await program.update({ learningRate: 0, clipNorm: Infinity });
    await program.dispose();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Memory that is free, as far as this process may know. */
function freeBytes(): number {
  try {
    return Deno.systemMemoryInfo().available;
  } catch {
    return Infinity; // a confined process: what does not fit will say so
  }
}
