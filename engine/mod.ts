/**
 * Engines by the name that recipes and `--engine` use. An entry names a module that exports `engine`; it is loaded only
 * when chosen, so that no native library is touched before.
 *
 * ```ts
 * import { engineModule } from "./mod.ts";
 * const { engine } = await import(engineModule("reference"));
 * console.log(engine.name); // reference
 * ```
 */
import { didYouMean, UsageError } from "../base/mod.ts";
export { findAdapter, type GpuAdapter } from "./adapter.ts";
export type * from "./engine.ts";
export * from "./placement.ts";

/** Modules by engine name. `cpu`, `cuda` and `webgpu` are providers of ONNX Runtime. */
export const engineModules = {
  cpu: "./onnxruntime/mod.ts",
  cuda: "./onnxruntime/cuda.ts",
  reference: "./reference/mod.ts",
  tfjs: "./tfjs/mod.ts",
  "tfjs-gpu": "./tfjs/gpu.ts",
  webgpu: "./onnxruntime/webgpu.ts",
} as const;

export type EngineName = keyof typeof engineModules;

/** Absolute URL of the module that exports the engine. @throws UsageError for an unknown name. */
export function engineModule(name: string): string {
  if (!Object.hasOwn(engineModules, name)) {
    const known = Object.keys(engineModules);
    throw new UsageError(
      `Cannot use engine "${name}": expected one of ${known.join(", ")}${didYouMean(name, known)}`,
    );
  }
  return new URL(engineModules[name as EngineName], import.meta.url).href;
}
