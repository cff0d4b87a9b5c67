/**
 * Makes a table that ranges over the axes of a study: a table of its kind for each cell, one below the other, with a column
 * for each axis. Over an axis of seeds it gives means and intervals.
 *
 * in   <cell>/<input>  what the kind of table asks for, of each cell
 * out  table  `table.json`
 */
import { writeFileSynced } from "../base/mod.ts";
import {
  group,
  type OutputRef,
  type Stage,
  type StageContext,
  type StageSummary,
  type Study,
  suffixOf,
  valuesNamed,
} from "../pipeline/stage.ts";
import type { Recipe } from "./recipe.ts";
import type { TableKind } from "./report/kind.ts";
import { isTable, tableEntry } from "./report/kinds.ts";
import { averageTables } from "./report/seeds.ts";
import { stackTables } from "./report/study.ts";
import type { Table } from "./report/table.ts";
import { isOfSeeds, studyTables, tablePrefix } from "./study_names.ts";
import type { TableModules } from "./table.ts";

interface StudyTableParams {
  readonly name: string;
  /** Axes with a column each; the rest are seeds, over which cells are averaged. */
  readonly axes: readonly string[];
  readonly seedAxes: readonly string[];
  readonly cells: readonly {
    readonly values: Readonly<Record<string, string>>;
    /** The name of its inputs begins with this. */
    readonly prefix: string;
    /** Of the kind of table. */
    readonly params: object;
  }[];
}

export const studyTable: Stage<Study<Recipe>, StudyTableParams, object, TableModules> = {
  name: "table",
  description: "Makes a table over the axes of a study",
  module: import.meta.url,
  overStudy: true,
  instances: ({ recipe }) => studyTables(recipe).map((name) => [`${tablePrefix}${name}`]),
  onRequest: (_study, parts) =>
    parts.length === 1 && parts[0].startsWith(tablePrefix) && isTable(kindOf(parts[0])),
  declare({ recipe, axes, cells }, [name]) {
    const { kind, module, name: own } = tableEntry(kindOf(name));
    const declared = cells.map(({ values, suffix, recipe }) => ({
      values,
      suffix,
      ...kind.declare(recipe, own),
    }));
    const inputs = declared.flatMap(({ values, suffix, inputs }) =>
      Object.entries(inputs).map(([input, ref]): [string, OutputRef] => {
        const [from, output] = ref.split("#");
        const [base, ...named] = from.split("@");
        const cell = suffixOf({ ...values, ...valuesNamed(named.join("@")) });
        return [`${cellName(suffix)}/${input}`, `${base}${cell}#${output}`];
      })
    );
    return {
      inputs: Object.fromEntries(inputs),
      outputs: ["table"],
      params: {
        name,
        axes: axes.filter((axis) => !isOfSeeds(recipe, axis)),
        seedAxes: axes.filter((axis) => isOfSeeds(recipe, axis)),
        cells: declared.map(({ values, suffix, params }) => ({
          values,
          prefix: cellName(suffix),
          params,
        })),
      },
      uses: { kind: module },
      weight: 0.01,
    };
  },
};

function kindOf(name: string): string {
  return name.slice(tablePrefix.length);
}

/** `@seed=18@steps=5` → `seed=18,steps=5`: inputs have slashes between their parts. */
function cellName(suffix: string): string {
  return suffix.slice(1).replaceAll("@", ",");
}

export async function run(
  { params, inputs, outputs, modules: { kind: { kind } } }: StageContext<
    StudyTableParams,
    object,
    TableModules
  >,
): Promise<StageSummary> {
  /** By the values of all axes except those of seeds. */
  const groups = new Map<string, CellsOfSeeds>();
  for (const cell of params.cells) {
    const values = params.axes.map((axis) => cell.values[axis]);
    const of = groups.get(values.join("@")) ?? { values, seeds: [], cells: [] };
    of.seeds.push(params.seedAxes.map((axis) => cell.values[axis]).join("/"));
    of.cells.push(cell);
    groups.set(values.join("@"), of);
  }
  const inputsOf = (prefix: string) => Object.fromEntries(group(inputs, prefix));
  const table = kind.buildOfCells === undefined
    ? await stacked(params, kind, [...groups.values()], inputsOf)
    : await kind.buildOfCells(
      params.axes,
      [...groups.values()].map(({ values, cells }) => ({
        values,
        params: cells[0].params,
        seeds: cells.map(({ prefix }) => ({ prefix, inputs: inputsOf(prefix) })),
      })),
    );
  const made = { ...table, name: params.name };
  writeFileSynced(`${outputs.table}/table.json`, JSON.stringify(made, null, 2) + "\n");
  return { rows: made.rows.length };
}

/** The tables of all cells, one below the other. */
async function stacked(
  { name, axes }: StudyTableParams,
  kind: TableKind,
  groups: readonly CellsOfSeeds[],
  inputsOf: (prefix: string) => Readonly<Record<string, string>>,
): Promise<Table> {
  const tables = await Promise.all(groups.map(async ({ values, seeds, cells }) => {
    const prefixes = cells.map((cell) => cell.prefix);
    if (seeds.length > 1 && kind.buildOfSeeds !== undefined) {
      const made = await kind.buildOfSeeds(cells[0].params, prefixes.map(inputsOf));
      return { values, table: withPrefixes(made, prefixes) };
    }
    const ofSeeds: Table[] = [];
    for (const { params, prefix } of cells) {
      ofSeeds.push(withPrefixes(await kind.build(params, inputsOf(prefix)), [prefix]));
    }
    return { values, table: seeds.length === 1 ? ofSeeds[0] : averageTables(ofSeeds, seeds) };
  }));
  return axes.length === 0 ? tables[0].table : stackTables(name, axes, tables);
}

/** Cells of a study that differ in nothing but the seed. */
interface CellsOfSeeds {
  readonly values: readonly string[];
  readonly seeds: string[];
  readonly cells: StudyTableParams["cells"][number][];
}

/** A table of cells with the names that their inputs have here. */
function withPrefixes(table: Table, prefixes: readonly string[]): Table {
  const named = <T extends { readonly from?: readonly string[] }>({ from, ...one }: T) => ({
    ...one,
    ...(from === undefined
      ? {}
      : { from: prefixes.flatMap((prefix) => from.map((name) => `${prefix}/${name}`)) }),
  });
  return {
    ...table,
    rows: table.rows.map((row) => named({ ...row, cells: row.cells.map((cell) => named(cell)) })),
  };
}
