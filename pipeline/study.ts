/**
 * Studies: a matrix of overrides that a recipe names, each cell of which is a recipe.
 *
 *     study:
 *       axes:
 *         steps: { key: continue.steps, values: [50, 100] }
 *         size:
 *           cells:
 *             small: { model: { dModel: 64 } }
 *             large: { model: { dModel: 96, nLayers: 4 } }
 */
import { UsageError } from "../base/mod.ts";
import type { Study, StudyCell } from "./stage.ts";
import { mapAlong, mergeTrees, type Tree, valueOf } from "./yaml_tree.ts";

/** A recipe's member that holds a study. */
export const studyKey = "study";

/** A value of an axis: its name and what it overrides. */
interface AxisValue {
  readonly label: string;
  readonly overrides: Tree;
}

/** What can stand in the name of an instance. */
const labelForm = /^[\w.+-]+$/;

/**
 * The cells of a recipe, each checked like a recipe of its own.
 *
 * @param tree The whole recipe, whose study has the shape that its schema asks for.
 * @param parse Makes a recipe of a tree. @throws UsageError
 * @throws UsageError where values of an axis cannot be told apart by name, or a cell is no valid recipe.
 */
export function expandStudy<Recipe>(tree: Tree, parse: (tree: Tree) => Recipe): Study<Recipe> {
  const recipe = parse(tree);
  const axes = axesOf(tree);
  const names = [...axes.keys()].sort();
  const bare = without(tree, studyKey);
  let cells: { values: Record<string, string>; tree: Tree }[] = [{ values: {}, tree: bare }];
  for (const name of names) {
    cells = cells.flatMap(({ values, tree }) =>
      axes.get(name)!.map(({ label, overrides }) => ({
        values: { ...values, [name]: label },
        tree: mergeTrees(tree, overrides),
      }))
    );
  }
  return {
    recipe,
    axes: names,
    cells: cells.map(({ values, tree }): StudyCell<Recipe> => {
      const suffix = names.map((name) => `@${name}=${values[name]}`).join("");
      return {
        values,
        suffix,
        recipe: names.length === 0 ? recipe : parseCell(suffix, tree, parse),
      };
    }),
  };
}

function parseCell<Recipe>(suffix: string, tree: Tree, parse: (tree: Tree) => Recipe): Recipe {
  try {
    return parse(tree);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message} (cell ${suffix} of the study)`, { cause: error });
  }
}

function axesOf(tree: Tree): Map<string, AxisValue[]> {
  const axes = new Map<string, AxisValue[]>();
  const study = member(tree, studyKey);
  if (study?.kind !== "map") return axes;
  const declared = member(study, "axes");
  if (declared?.kind !== "map") return axes;
  for (const [name, { keyPlace, tree: axis }] of declared.entries) {
    if (!labelForm.test(name)) throw new UsageError(`${keyPlace}: ${badLabel(name)}`);
    const values = axisValues(axis);
    const labels = values.map(({ label }) => label);
    const twice = labels.find((label, i) => labels.indexOf(label) !== i);
    if (twice !== undefined) {
      throw new UsageError(
        `${keyPlace}: Cannot tell cells of axis "${name}" apart: expected each value once, found ${twice} twice`,
      );
    }
    axes.set(name, values);
  }
  return axes;
}

function axisValues(axis: Tree): AxisValue[] {
  const cells = member(axis, "cells");
  if (cells?.kind === "map") {
    return [...cells.entries].map(([label, { keyPlace, tree }]) => {
      if (!labelForm.test(label)) throw new UsageError(`${keyPlace}: ${badLabel(label)}`);
      return { label, overrides: tree };
    });
  }
  const [key, values] = [member(axis, "key"), member(axis, "values")];
  if (key?.kind !== "scalar" || values?.kind !== "list") return [];
  return values.items.map((item) => {
    const label = String(valueOf(item));
    if (item.kind !== "scalar" || !labelForm.test(label)) {
      throw new UsageError(`${item.place}: ${badLabel(JSON.stringify(valueOf(item)))}`);
    }
    return { label, overrides: mapAlong(String(key.value).split("."), item, item.place) };
  });
}

function badLabel(label: string): string {
  return `Cannot name a cell of a study by ${label}: expected letters, digits, ".", "_", "+", "-"; ` +
    `give values a name with cells: {NAME: {…}}`;
}

function member(tree: Tree, key: string): Tree | undefined {
  return tree.kind === "map" ? tree.entries.get(key)?.tree : undefined;
}

function without(tree: Tree, key: string): Tree {
  if (tree.kind !== "map") return tree;
  return { ...tree, entries: new Map([...tree.entries].filter(([name]) => name !== key)) };
}
