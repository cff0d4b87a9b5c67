/**
 * Models of others among those of a recipe: `external/<name>` stands where the models of pre-training have their variant, as in
 * `evaluate/external/<name>/pretraining` and `continue/external/<name>/random`.
 */
import type { Recipe } from "./recipe.ts";

const first = "external";

/** Beside the starts of continuation: a model as pre-training left it. */
export const pretrainingEnd = "pretraining";

/** Whether a model's id is of an import. */
export function isExternal(id: string): boolean {
  return id.startsWith(`${first}/`);
}

/** The ids of a recipe's imports, sorted. */
export function externalModels({ external }: Recipe): readonly string[] {
  return Object.keys(external).sort().map((name) => `${first}/${name}`);
}

/** The starts that a recipe continues an import from. */
export function startsOf({ external }: Recipe, id: string): readonly ("random" | "pretrained")[] {
  return external[id.slice(first.length + 1)]?.starts ?? [];
}

/** Ids and starts of the imports that a recipe continues. */
export function continuedExternals(recipe: Recipe): readonly (readonly [string, string])[] {
  return externalModels(recipe).flatMap((id) =>
    startsOf(recipe, id).map((start) => [id, start] as const)
  );
}

/** The parts of an instance with a model's id as the first. */
export function modelFirst(parts: readonly string[]): readonly string[] {
  return parts[0] === first && parts.length > 1
    ? [`${first}/${parts[1]}`, ...parts.slice(2)]
    : parts;
}

/** The parts of an instance as they stand in its name. */
export function partsOf(model: readonly string[]): readonly string[] {
  return model.flatMap((part) => part.split("/"));
}

/** Why there is no such import or start of it; undefined where there is, and for a model of pre-training. */
export function impossibleExternal(
  recipe: Recipe,
  [id, start]: readonly string[],
): string | undefined {
  if (!isExternal(id)) return undefined;
  const name = id.slice(first.length + 1);
  if (!Object.hasOwn(recipe.external, name)) {
    return `the recipe imports no model "${name}"; run with --set external.${name}.from=hf://OWNER/NAME`;
  }
  if (start === undefined || start === pretrainingEnd) return undefined;
  if (startsOf(recipe, id).some((one) => one === start)) return undefined;
  return `the recipe continues "${name}" from no start "${start}"; add it to external.${name}.starts`;
}
