/**
 * What a recipe may say of the engine, and what stages that compute on one derive from it.
 */
import { z } from "zod";
import { maxThreads, UsageError } from "../base/mod.ts";
import { type EngineRow, engineRow, enginesWith } from "../engine/mod.ts";
import type { StageClaims } from "../pipeline/stage.ts";

export const engineSchema = z.strictObject({
  kind: z.string().describe("The name of an engine: `deno task pipeline engines` lists them."),
  threads: z.int().positive().max(maxThreads)
    .describe("Threads that compute. Results depend on their number."),
  precision: z.enum(["fp32", "tf32", "bf16", "fp16"])
    .describe(
      "What matrix products are in, on an engine that has them. `fp16`: half precision; `tf32`, `bf16`: factors of 10 and of 7 bits after the point.",
    ),
  products: z.enum(["cublaslt", "own"]).optional()
    .describe(
      "Who multiplies in `tf32` and `bf16`: Nvidia's library cuBLASLt, or the engine's own kernels, which need no library and are slower. Last digits differ, so nothing chooses by what is installed. Default: `cublaslt`.",
    ),
});

/** The engine's part of a recipe: parameters of every stage that computes on an engine. */
export type EngineParams = Readonly<z.infer<typeof engineSchema>>;

interface WithEngine {
  readonly engine: EngineParams;
}

/** Before a stage makes anything. @throws UsageError for an engine that is unknown or has not the precision. */
export function checkEngine({ engine: params }: WithEngine): void {
  const { kind, precision } = params;
  const row = engineRow(kind);
  checkProducts(row, params);
  const { precisions } = row;
  if (precisions.includes(precision)) return;
  const others = enginesWith(precision);
  throw new UsageError(
    `Cannot use engine "${kind}" with precision "${precision}": expected ${quoted(precisions)}; ` +
      `only ${quoted(others)} has "${precision}" ` +
      `(--set engine.precision=${precisions[0]}, or --engine ${others[0]})`,
  );
}

function checkProducts({ products: known }: EngineRow, params: EngineParams): void {
  const { kind, precision, products } = params;
  if (products === undefined) return;
  const isChoice = known?.includes(products) && (precision !== "fp32" || products === "own");
  if (isChoice) return;
  throw new UsageError(
    `Cannot use engine "${kind}" with precision "${precision}" and products "${products}": ` +
      (known === undefined
        ? "expected no word on products, as it leaves no choice"
        : 'expected precision "tf32" or "bf16", as products of fp32 are its own'),
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
