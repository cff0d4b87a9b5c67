/**
 * The size of a micro-batch, from shapes alone, and the memory that training takes with it. Results depend on the size, so
 * nothing of the machine that trains is asked.
 */
import type { Engine } from "../engine/mod.ts";
import {
  differentiate,
  type Graph,
  languageModelGraph,
  type ModelConfig,
  peakLiveBytes,
  sizeOf,
} from "../model/mod.ts";
import type { MicroBatchSize } from "./settings.ts";

interface MicroBatchQuestion {
  readonly microBatchSize: MicroBatchSize;
  /** A multiple of what is found. */
  readonly batchSize: number;
  /** With the largest vocabulary that one program of the variant has. */
  readonly config: ModelConfig;
  readonly engine: Pick<Engine, "runsOn">;
  readonly threads: number;
}

/**
 * Numbers of a micro-batch's states, tokens × width, for each thread: 1 MiB in single precision, as much as the second cache of a core
 * holds. What one operator writes is then still there for the next. Measured in docs/training.md.
 */
const cachedStates = 2 ** 18;
/** Bytes of a program with the micro-batch of a GPU, whose speed grows with the micro-batch. */
const gpuProgramBytes = 4e9;
/** Runtime and engine before any tensor. */
const processBytes = 200e6;
/** Engines hold more than live values: fragments, copies, workspaces. */
const overhead = 1.6;
/**
 * And on a processor more still: the blocks of ONNX Runtime's arena double as it grows. With this, estimates are 1.03 to 1.37 times the peak of a
 * process, from 2 × 64 to 12 × 768, with one thread and with two: `deno task instruments training-estimate`.
 */
const arenaOverhead = 0.5;
/** What a program has of the parameters: weights, summed gradients, two moments. */
const copiesInProgram = 4;
/** And training beside it: what was sent, and for a checkpoint weights and moments once more. */
const copiesBeside = 4;
/** Bytes that programs may take together before the longest unused is dropped. */
export const maxProgramsBytes = 4e9;

/** The recipe's number; for `auto` the largest divisor of the batch that stays in a processor's caches, or in 4 GB of a GPU. */
export function resolveMicroBatch(
  { microBatchSize, batchSize, config, engine: { runsOn }, threads }: MicroBatchQuestion,
): number {
  if (microBatchSize !== "auto") return microBatchSize;
  if (runsOn === "processor") return cachedMicroBatch(batchSize, config, threads);
  return largestDivisor(
    batchSize,
    (size) => programBytes(differentiate(languageModelGraph(config, size))) <= gpuProgramBytes,
  );
}

/** The size that `auto` is on a processor: no vocabulary is asked, so all variants of a recipe have the same. */
export function cachedMicroBatch(
  batchSize: number,
  { seqLen, dModel }: Pick<ModelConfig, "seqLen" | "dModel">,
  threads: number,
): number {
  return largestDivisor(batchSize, (size) => size * seqLen * dModel <= threads * cachedStates);
}

/** The largest divisor that fits; 1 where none does. */
function largestDivisor(of: number, fits: (divisor: number) => boolean): number {
  for (let divisor = of; divisor > 1; divisor--) {
    if (of % divisor === 0 && fits(divisor)) return divisor;
  }
  return 1;
}

/** Bytes that a process takes, about, which trains with micro-batches of this size. */
export function trainingBytes(config: ModelConfig, microBatchSize: number): number {
  const graph = differentiate(languageModelGraph(config, microBatchSize));
  return processBytes + programBytes(graph) + arenaOverhead * peakLiveBytes(graph) +
    4 * copiesBeside * parametersOf(graph);
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
