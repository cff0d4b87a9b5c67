/**
 * What a recipe may say of the engine, and what stages that compute on one derive from it.
 */
import { z } from "zod";
import { maxThreads, UsageError } from "../base/mod.ts";
import { engineRow, enginesWith } from "../engine/mod.ts";
import type { StageClaims } from "../pipeline/stage.ts";

export const engineSchema = z.strictObject({
  kind: z.string().describe("The name of an engine: `deno task pipeline engines` lists them."),
  threads: z.int().positive().max(maxThreads)
    .describe("Threads that compute. Results depend on their number."),
  precision: z.enum(["fp32", "tf32", "bf16", "fp16"])
    .describe(
      "What matrix products are in, on an engine that has them. `fp16`: half precision; `tf32`, `bf16`: factors of 10 and of 7 bits after the point.",
    ),
});

/** The engine's part of a recipe: parameters of every stage that computes on an engine. */
export type EngineParams = Readonly<z.infer<typeof engineSchema>>;

interface WithEngine {
  readonly engine: EngineParams;
}

/** Before a stage makes anything. @throws UsageError for an engine that is unknown or has not the precision. */
export function checkEngine({ engine: { kind, precision } }: WithEngine): void {
  const { precisions } = engineRow(kind);
  if (precisions.includes(precision)) return;
  const others = enginesWith(precision);
  throw new UsageError(
    `Cannot use engine "${kind}" with precision "${precision}": expected ${quoted(precisions)}; ` +
      `only ${quoted(others)} has "${precision}" ` +
      `(--set engine.precision=${precisions[0]}, or --engine ${others[0]})`,
  );
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(" or ");
}

/** Whether Deno cannot confine the engine. */
export function hasNativeEngine({ engine }: WithEngine): boolean {
  return !engineRow(engine.kind).isConfined;
}

/** A stage with an engine claims its threads; its forecast claims the memory. */
export function engineClaims({ engine }: WithEngine): StageClaims {
  return { threads: engine.threads };
}
