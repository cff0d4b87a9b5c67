/**
 * What a recipe may say of the engine, and what stages that compute on one derive from it.
 */
import { z } from "zod";
import { UsageError } from "../base/mod.ts";
import type { StageClaims } from "../pipeline/stage.ts";

export const engineSchema = z.strictObject({
  /** As `engine/mod.ts` names it. */
  kind: z.string(),
  threads: z.int().positive(),
  /** `fp16`: matrix products in half precision, on `webgpu` where the GPU has them. */
  precision: z.enum(["fp32", "fp16"]),
});

/** The engine's part of a recipe: parameters of every stage that computes on an engine. */
export type EngineParams = Readonly<z.infer<typeof engineSchema>>;

interface WithEngine {
  readonly engine: EngineParams;
}

/** @throws UsageError for an engine without the precision: nothing is to be made for a training that cannot be. */
export function checkEngine({ engine: { kind, precision } }: WithEngine): void {
  if (precision === "fp32" || kind === "webgpu") return;
  throw new UsageError(
    `Cannot use engine "${kind}" with precision "${precision}": expected "fp32"; only "webgpu" has "${precision}" ` +
      `(--set engine.precision=fp32, or --engine webgpu)`,
  );
}

/** Whether the engine is native code, which Deno cannot confine. */
export function hasNativeEngine({ engine }: WithEngine): boolean {
  return engine.kind !== "reference";
}

/** What of the machine a stage with an engine takes: its threads; its memory is what its forecast says. */
export function engineClaims({ engine }: WithEngine): StageClaims {
  return { threads: engine.threads };
}
