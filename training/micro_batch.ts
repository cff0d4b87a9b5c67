/**
 * The largest micro-batch that fits this machine: found once, then kept beside the checkpoints, as results depend on it.
 */
import type { AdamWOptions, Engine, EngineOptions } from "../engine/mod.ts";
import {
  differentiate,
  type Graph,
  languageModelGraph,
  type ModelConfig,
  peakLiveBytes,
  sizeOf,
} from "../model/mod.ts";
import {
  formatBytes,
  freeMemoryBytes,
  type Log,
  messageOf,
  readTextIfThere,
  StageError,
  writeFileAtomic,
} from "../base/mod.ts";
import type { MicroBatchSize } from "./settings.ts";

export interface MicroBatchSearch {
  readonly microBatchSize: MicroBatchSize;
  /** A multiple of what is found. */
  readonly batchSize: number;
  /** With the largest vocabulary. */
  readonly config: ModelConfig;
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly optimizer: AdamWOptions;
  /** Copies of the parameters that the caller holds beside what training one does, such as the results of a round. */
  readonly heldCopies?: number;
  /** Programs of other vocabularies that may be held at the same time; 0 when absent. */
  readonly otherPrograms?: number;
  readonly checkpointFolder: string;
  readonly log: Log;
}

/** Runtime and engine before any tensor. */
const processBytes = 200e6;
/**
 * Engines hold more than live values: fragments, copies, workspaces. With this, estimates on engine `cpu` are 1.0 to 1.1 times the peak
 * of a process, from 4 × 256 to 12 × 768: `deno task instruments training-estimate`.
 */
const overhead = 1.6;
/** What a program has of the parameters: weights, summed gradients, two moments. */
const copiesInProgram = 4;
/** And training beside it: what was sent, and for a checkpoint weights and moments once more. */
const copiesBeside = 4;
/** Bytes that programs may take together before the longest unused is dropped. */
export const maxProgramsBytes = 4e9;
/** Of the memory that is free. */
const usableShare = 0.8;

/**
 * The recipe's number, or the largest divisor of the batch that fits: by its size where the system tells how much memory is
 * free, then by a step with it.
 * @throws StageError when not even single sequences fit.
 */
export async function resolveMicroBatch(search: MicroBatchSearch): Promise<number> {
  const { microBatchSize, batchSize, config, checkpointFolder, log } = search;
  if (microBatchSize !== "auto") return microBatchSize;
  const path = `${checkpointFolder}/.micro_batch.json`;
  const found = readTextIfThere(path);
  if (found !== undefined) return keptSize(found, path, batchSize);
  const free = freeBytes();
  const bytesOf = (size: number) => trainingBytes(config, size, search);
  for (let size = batchSize; size >= 1; size--) {
    if (batchSize % size !== 0) continue;
    const bytes = bytesOf(size);
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
      `found ${formatBytes(bytesOf(1))} needed; lower model.seqLen or the vocabulary`,
  );
}

/** @throws StageError for a damaged file: another size would give other bytes than the steps that were taken. */
function keptSize(text: string, path: string, batchSize: number): number {
  const size = /^\{"microBatchSize":(\d+)\}$/.exec(text)?.[1];
  if (size !== undefined && batchSize % Number(size) === 0) return Number(size);
  throw new StageError(
    `Cannot go on with the micro-batches of "${path}": expected a divisor of ${batchSize}, found a damaged file; ` +
      `--force begins again`,
  );
}

/** Bytes that a process takes, about, which trains with micro-batches of this size. */
export function trainingBytes(
  config: ModelConfig,
  microBatchSize: number,
  { heldCopies = 0, otherPrograms = 0 }: Pick<MicroBatchSearch, "heldCopies" | "otherPrograms"> =
    {},
): number {
  const graph = differentiate(languageModelGraph(config, microBatchSize));
  const program = programBytes(graph);
  const others = Math.min(otherPrograms * program, Math.max(0, maxProgramsBytes - program));
  return processBytes + program + others + 4 * (copiesBeside + heldCopies) * parametersOf(graph);
}

/** Bytes that a training program takes, about. */
export function programBytes(graph: Graph): number {
  let logits = 0; // inside of its node, which no live value tells, a head keeps one array of their size
  for (const { operator, inputs: [hidden, table] } of graph.nodes) {
    if (operator.name !== "LinearCrossEntropy") continue;
    logits += graph.types[hidden].shape[0] * graph.types[table].shape[0];
  }
  return overhead * peakLiveBytes(graph) + 4 * (copiesInProgram * parametersOf(graph) + logits);
}

function parametersOf(graph: Graph): number {
  return Object.values(graph.parameters).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
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
    return freeMemoryBytes();
  } catch {
    return Infinity; // a confined process: what does not fit will say so
  }
}
