/**
 * What executes a graph. An engine is a module of `engine/<name>/` that exports `engine`.
 */
import type { Graph } from "../model/mod.ts";

/** Values by name. Float tensors as Float32Array (Float64Array only inside `reference`), ids as Int32Array. */
type TensorData = Float32Array | Int32Array;
export type Feeds = Readonly<Record<string, TensorData>>;
export type Fetches = Record<string, Float32Array>;

/**
 * `fp32`, or what matrix products are in, with everything else, weights and optimizer in single precision: `tf32` rounds their factors
 * to 10 bits after the point, `bf16` to 7, `fp16` is half precision. An engine that has no such products refuses it.
 */
export type Precision = "fp32" | "tf32" | "bf16" | "fp16";

/** Who multiplies in `tf32` and `bf16`: kernels of the engine's own, or Nvidia's library cuBLASLt. */
export type Products = "own" | "cublaslt";

export interface EngineOptions {
  /** Threads of one operator. Results depend on their number. */
  readonly threads: number;
  readonly precision: Precision;
  /** Where an engine leaves a choice; default `cublaslt`. */
  readonly products?: Products;
}

export interface TrainingOptions extends EngineOptions {
  readonly optimizer: AdamWOptions;
}

/** AdamW, decoupled decay. Source: Loshchilov and Hutter 2019, algorithm 2; Kingma and Ba 2015 for the bias correction. */
export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

export interface UpdateOptions {
  readonly learningRate: number;
  /** Gradients are scaled down to this global L2 norm when theirs is larger; Infinity turns it off. */
  readonly clipNorm: number;
  /** Factor of the learning rate by parameter name, default 1; 0 leaves a parameter as it is. */
  readonly rateFactor?: (parameter: string) => number;
}

export interface UpdateResult {
  /** The gradient's global norm before clipping. */
  readonly gradientNorm: number;
  /** The same of each trained parameter. */
  readonly gradientNorms: Readonly<Record<string, number>>;
  /** Whether a step was taken. */
  readonly applied: boolean;
}

export interface Engine {
  /** The library and how it is used: `reference`, `onnxruntime-cuda`. */
  readonly name: string;
  /** What computes: a micro-batch should stay in a processor's caches, and fill a GPU. */
  readonly runsOn: "processor" | "gpu";
  /**
   * Keeps in a folder what is chosen for this machine and changes last digits, and takes up what was kept there. For a run with
   * checkpoints, before its programs are compiled.
   * @returns what to say where another machine has chosen.
   */
  keepChoices?(folder: string, options: EngineOptions): string | undefined;
  /** A program that runs a graph forward with parameters that `write` sets. */
  compile(graph: Graph, options: EngineOptions): Promise<Program>;
  /** A program that owns parameters, summed gradients and Adam moments. `graph.gradients` names the parameters that are trained. */
  compileTraining(graph: Graph, options: TrainingOptions): Promise<TrainingProgram>;
}

export interface Program {
  readonly graph: Graph;
  /**
   * Runs once and returns the outputs by name (all, or those named). Buffers are the caller's to keep.
   * @throws RangeError for a feed that is missing, of another size, or an id outside its table (which is checked on the host).
   */
  run(feeds: Feeds, outputs?: readonly string[]): Promise<Fetches>;
  /** Copies parameter values in, by name. @throws RangeError for an unknown name or another size. */
  write(values: Readonly<Record<string, Float32Array>>): Promise<void>;
  /** Copies of parameter values, all or those named. */
  read(names?: readonly string[]): Promise<Record<string, Float32Array>>;
  dispose(): Promise<void>;
}

export interface TrainingProgram extends Program {
  /** Runs forward and backward, adds the gradients to the running sum, returns the graph's outputs. */
  accumulate(feeds: Feeds): Promise<Fetches>;
  /**
   * Clips the summed gradients, takes one AdamW step, clears the sum.
   * A non-finite norm changes nothing but clears the sum.
   */
  update(options: UpdateOptions): Promise<UpdateResult>;
  /** Clears the summed gradients. */
  discard(): Promise<void>;
  /**
   * Copy of the optimizer's state: moments `<parameter>.m` and `<parameter>.v`, and the count of steps taken; in `fp16` also
   * `lossScale`, without which `writeOptimizer` begins with the first scale.
   */
  readOptimizer(): Promise<OptimizerState>;
  writeOptimizer(state: OptimizerState): Promise<void>;
  /** Moments to zero, step count to zero. */
  resetOptimizer(): Promise<void>;
}

export interface OptimizerState {
  readonly step: number;
  readonly moments: Readonly<Record<string, Float32Array>>;
}
