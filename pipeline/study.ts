/**
 * Studies: a recipe may name a matrix of overrides; each cell of the matrix is a recipe.
 *
 *     study:
 *       axes:
 *         steps: { key: continue.steps, values: [50, 100] }
 *         size:
 *           cells:
 *             small: { model: { dModel: 64 } }
 *             large: { model: { dModel: 96, nLayers: 4 } }
 */
import { type Json, UsageError } from "../base/mod.ts";
import { type Study, type StudyCell, suffixOf } from "./stage.ts";
import {
  isMap,
  mapAlong,
  mergeYaml,
  type Path,
  type PlacedYaml,
  valueAt,
  whyNoKey,
  yamlAt,
  yamlIn,
} from "./placed_yaml.ts";

/** A recipe's member that holds a study. */
const studyKey = "study";

/** Most cells of a study: each is a recipe that a plan holds in memory, with all its instances. */
const maxCells = 1000;

/** How a cell becomes a recipe. */
interface CellReading<Recipe> {
  /** Makes a recipe of its YAML. @throws UsageError */
  parse(yaml: PlacedYaml): Recipe;
  /** Checks what is run: each cell, or the whole where there are none. @throws UsageError */
  checkCell(recipe: Recipe, yaml: PlacedYaml): void;
}

/** A value of an axis: its name and its overrides. */
interface AxisValue {
  readonly label: string;
  readonly overrides: PlacedYaml;
}

/** What the name of an instance may contain. */
const labelForm = /^[\w.+-]+$/;

/**
 * The cells of a recipe, each checked like a recipe of its own.
 *
 * @param yaml The whole recipe, whose study has the shape that its schema asks for.
 * @throws UsageError if two values of an axis have the same name, or if a cell is not a valid recipe
 */
export function expandStudy<Recipe>(yaml: PlacedYaml, reading: CellReading<Recipe>): Study<Recipe> {
  const recipe = reading.parse(yaml);
  const axes = axesOf(yaml);
  const names = [...axes.keys()].sort();
  if (names.length === 0) {
    reading.checkCell(recipe, yaml);
    return { recipe, axes: [], cells: [{ values: {}, suffix: "", recipe }] };
  }
  const count = names.reduce((product, name) => product * axes.get(name)!.length, 1);
  if (count > maxCells) {
    throw new UsageError(
      `${
        yaml.placesOf([studyKey, "axes"])!.key
      }: Cannot plan a study: expected at most ${maxCells} cells ` +
        `(every value of an axis with every value of the others), found ${count}; leave out values`,
    );
  }
  let cells: { values: Record<string, string>; yaml: PlacedYaml }[] = [
    { values: {}, yaml: { ...yaml, value: withoutStudy(yaml.value) } },
  ];
  for (const name of names) {
    cells = cells.flatMap(({ values, yaml }) =>
      axes.get(name)!.map(({ label, overrides }) => ({
        values: { ...values, [name]: label },
        yaml: mergeYaml(yaml, overrides),
      }))
    );
  }
  return {
    recipe,
    axes: names,
    cells: cells.map(({ values, yaml }): StudyCell<Recipe> => {
      const suffix = suffixOf(values);
      return { values, suffix, recipe: parseCell(suffix, yaml, reading) };
    }),
  };
}

function parseCell<Recipe>(
  suffix: string,
  yaml: PlacedYaml,
  { parse, checkCell }: CellReading<Recipe>,
): Recipe {
  try {
    const recipe = parse(yaml);
    checkCell(recipe, yaml);
    return recipe;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message} (cell ${suffix} of the study)`, { cause: error });
  }
}

function axesOf(yaml: PlacedYaml): Map<string, AxisValue[]> {
  const axes = new Map<string, AxisValue[]>();
  const path = [studyKey, "axes"];
  for (const name of keysAt(yaml, path)) {
    const place = yaml.placesOf([...path, name])!.key;
    if (!labelForm.test(name)) throw new UsageError(`${place}: ${badLabel(name)}`);
    const values = axisValues(yaml, [...path, name]);
    const labels = values.map(({ label }) => label);
    const twice = labels.find((label, i) => labels.indexOf(label) !== i);
    if (twice !== undefined) {
      throw new UsageError(
        `${place}: Cannot tell cells of axis "${name}" apart: expected each value once, found ${twice} twice`,
      );
    }
    axes.set(name, values);
  }
  return axes;
}

/** The values of the axis at a path: named cells, or the values of one key. */
function axisValues(yaml: PlacedYaml, axis: Path): AxisValue[] {
  const named = keysAt(yaml, [...axis, "cells"]).map((label) => {
    const path = [...axis, "cells", label];
    if (labelForm.test(label)) return { label, overrides: yamlIn(yaml, path) };
    throw new UsageError(`${yaml.placesOf(path)!.key}: ${badLabel(label)}`);
  });
  if (named.length > 0) return named;
  const values = valueAt(yaml.value, [...axis, "values"]);
  if (!Array.isArray(values)) return [];
  const key = String(valueAt(yaml.value, [...axis, "key"])).split(".");
  const why = key.map(whyNoKey).find((why) => why !== undefined);
  if (why !== undefined) {
    const place = yaml.placesOf([...axis, "key"])!.value;
    throw new UsageError(`${place}: Cannot read key ${JSON.stringify(key.join("."))}: ${why}`);
  }
  return values.map((value, i) => {
    const { value: place, folder } = yaml.placesOf([...axis, "values", i])!;
    const isScalar = typeof value !== "object" || value === null;
    if (isScalar && labelForm.test(String(value))) {
      return { label: String(value), overrides: yamlAt(place, mapAlong(key, value), folder) };
    }
    throw new UsageError(`${place}: ${badLabel(JSON.stringify(value))}`);
  });
}

function badLabel(label: string): string {
  return `Cannot name a cell of a study by ${label}: expected letters, digits, ".", "_", "+", "-"; ` +
    `give values a name with cells: {NAME: {…}}`;
}

/** The keys of the map at a path; none where there is no map. */
function keysAt(yaml: PlacedYaml, path: Path): string[] {
  const found = valueAt(yaml.value, path);
  return isMap(found) ? Object.keys(found) : [];
}

function withoutStudy(value: Json): Json {
  const { [studyKey]: _, ...rest } = isMap(value) ? value : {};
  return rest;
}
