/**
 * The table of engines: a row has every fact that other code asks of an engine, and adding one is a row and its folder.
 *
 * No row loads its engine. Results must not depend on this file: it is part of no stage's key. Whatever changes bytes belongs into
 * the engine's module, or into the parameters of the stage.
 */
import { didYouMean, UsageError } from "../base/mod.ts";
import type { Precision, Products } from "./engine.ts";

export interface EngineRow {
  /** Absolute URL of the module that exports `engine`. */
  readonly module: string;
  /** What it is, on one line. */
  readonly meaning: string;
  /** Where parameters are between steps. */
  readonly parameters: string;
  readonly precisions: readonly Precision[];
  /** Who may multiply in other precisions than fp32, where a recipe can choose. */
  readonly products?: readonly Products[];
  /** Whether Deno can confine its process: no native library, and no package that reads files of its own. */
  readonly isConfined: boolean;
  /** Whether it takes a GPU, as opposed to the processor. */
  readonly needsGpu: boolean;
  /** Place among the candidates for `auto`, tried in rising order; without it the engine is no candidate. */
  readonly autoRank?: number;
  /**
   * Kinds of cards (`deviceKind` of its module) on which `tests/conformance/` has passed, written here by whoever saw it. An engine
   * with such a list is a candidate for \`auto\` on these alone, whatever WebGPU finds.
   */
  readonly provenOn?: readonly string[];
  /** Absolute URL of a `PlacementModule`, where the runtime tells which operators it leaves to the processor. */
  readonly placement?: string;
  /** Rough speed before any run was measured, where it is far from the runner's own guess. */
  readonly flopsPerSecond?: number;
}

export const engines: Readonly<Record<string, EngineRow>> = {
  cpu: {
    module: at("./onnxruntime/mod.ts"),
    meaning: "ONNX Runtime",
    parameters: "host",
    precisions: ["fp32"],
    isConfined: false,
    needsGpu: false,
    autoRank: 2,
  },
  webgpu: {
    module: at("./onnxruntime/webgpu.ts"),
    meaning: "ONNX Runtime, any GPU with Vulkan, Metal or Direct3D 12",
    parameters: "stay on the device",
    precisions: ["fp32", "fp16"],
    isConfined: false,
    needsGpu: true,
    autoRank: 1,
    placement: at("./onnxruntime/device/placement.ts"),
  },
  cuda: {
    module: at("./onnxruntime/cuda.ts"),
    meaning: "ONNX Runtime, Nvidia with CUDA 12 and cuDNN 9; not tested on a card",
    parameters: "host; cross at every micro-batch",
    precisions: ["fp32"],
    isConfined: false,
    needsGpu: true,
  },
  "cuda-native": {
    module: at("./cuda/mod.ts"),
    meaning: "own kernels, Nvidia with a driver for CUDA 12; not tested on a card",
    parameters: "stay on the device",
    precisions: ["fp32", "tf32", "bf16"],
    products: ["cublaslt", "own"],
    isConfined: false,
    needsGpu: true,
    autoRank: 0,
    provenOn: [],
  },
  tfjs: {
    module: at("./tfjs/mod.ts"),
    meaning: "TensorFlow.js on WebAssembly",
    parameters: "host",
    precisions: ["fp32"],
    isConfined: false,
    needsGpu: false,
  },
  "tfjs-gpu": {
    module: at("./tfjs/gpu.ts"),
    meaning: "TensorFlow.js on CUDA, by a package of its own; not tested on a card",
    parameters: "host",
    precisions: ["fp32"],
    isConfined: false,
    needsGpu: true,
  },
  reference: {
    module: at("./reference/mod.ts"),
    meaning: "plain loops in float64: it says what is right",
    parameters: "host",
    precisions: ["fp32"],
    isConfined: true,
    needsGpu: false,
    flopsPerSecond: 3e8,
  },
};

function at(path: string): string {
  return new URL(path, import.meta.url).href;
}

/** The facts of an engine. @throws UsageError for an unknown name. */
export function engineRow(name: string): EngineRow {
  if (Object.hasOwn(engines, name)) return engines[name];
  const known = Object.keys(engines).sort();
  throw new UsageError(
    `Cannot use engine "${name}": expected one of ${known.join(", ")}${didYouMean(name, known)}`,
  );
}

/** Absolute URL of the module that exports the engine. @throws UsageError for an unknown name. */
export function engineModule(name: string): string {
  return engineRow(name).module;
}

/** Names of the engines that have a precision. */
export function enginesWith(precision: Precision): string[] {
  return Object.keys(engines).filter((name) => engines[name].precisions.includes(precision));
}
