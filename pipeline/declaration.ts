/**
 * What a stage declares of an instance, complete: defaults stand for what it leaves out.
 */
import type { Stage, StageDeclaration } from "./stage.ts";

/** Seeds are sorted. */
export type Declaration = StageDeclaration & Required<Omit<StageDeclaration, "access">>;

const defaults = {
  inputs: {},
  files: {},
  hints: {},
  hintModules: {},
  uses: {},
  isNative: false,
  claims: { threads: 1 },
  forecast: {},
  weight: 1,
} satisfies Partial<StageDeclaration>;

/** Asks a stage about the instance with these parts. */
export function declarationOf(
  stage: Stage,
  recipe: unknown,
  parts: readonly string[],
): Declaration {
  const { seeds = [], ...declared } = stage.declare(recipe, parts);
  return { ...defaults, ...declared, seeds: [...seeds].sort() };
}
