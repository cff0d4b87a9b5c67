/**
 * Two sides beside each other, as tables: what was asked for, data, metrics, losses, and cells of tables.
 */
import { join } from "node:path";
import { canonicalJson, type Json } from "../base/mod.ts";
import type { Manifest } from "../pipeline/manifest.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { type Difference, differencesBetween } from "../pipeline/what_changed.ts";
import type { Cell, Row, Table } from "../stages/report/mod.ts";
import type { Side } from "./compared_sides.ts";
import { someOf } from "./plan_view.ts";
import { tableStage } from "./tables.ts";

/** Results of one instance, or of two that a user compares. */
export interface Pair {
  readonly label: string;
  readonly before: Manifest;
  readonly after: Manifest;
}

export interface Comparison {
  readonly before: Side;
  readonly after: Side;
  readonly pairs: readonly Pair[];
  /** Whether losses have a row for each source, and not only for their mean. */
  readonly bySource: boolean;
}

const columns = ["before", "after", "difference"] as const;

/** Tables that have something to say. */
export async function comparisonTables(comparison: Comparison): Promise<Table[]> {
  const changed = comparison.pairs.filter(({ before, after }) => !isSame(before, after));
  return [
    askedTable(comparison),
    summaryTable("data", "Data", changed.filter(({ before }) => isData(before))),
    summaryTable(
      "metrics",
      "Metrics",
      changed.filter((pair) => !isData(pair.before) && !isEvaluated(pair)),
    ),
    await lossTable(comparison, changed),
    ...await cellTables(comparison, changed),
  ].filter(({ rows }) => rows.length > 0);
}

/** Whether two results have the same bytes. */
export function isSame(before: Manifest, after: Manifest): boolean {
  return canonicalJson(before.outputs) === canonicalJson(after.outputs);
}

/** Stages that make text, tokenizers and tokens. */
const dataStages = ["documents", "vocabulary", "tokenize"];

function isData({ record }: Manifest): boolean {
  return dataStages.includes(record.stage);
}

/** Keys of recipes where both sides are recipes, else parameters; and code, packages, seeds and files in any case. */
function askedTable({ before, after, pairs }: Comparison): Table {
  const rows = new Map<string, { row: Row; of: InstanceId[] }>();
  const areRecipes = before.recipe !== undefined && after.recipe !== undefined;
  for (const { label, before, after } of pairs) {
    for (const difference of differencesBetween(before, after)) {
      if (difference.kind === "input") continue; // what made it has a difference of its own
      if (difference.kind === "parameter" && areRecipes) continue;
      const key = canonicalJson({ ...difference } as Json);
      if (!rows.has(key)) rows.set(key, { row: differenceRow(difference), of: [] });
      rows.get(key)!.of.push(label);
    }
  }
  return {
    name: "parameters",
    title: "What was asked for",
    columns: ["", "before", "after", "of"],
    rows: [
      ...(areRecipes ? recipeRows(before.recipe!, after.recipe!) : []),
      ...[...rows.values()].map(({ row, of }) => ({
        ...row,
        cells: [...row.cells, textCell(someOf(of))],
      })),
    ],
    notes: [],
  };
}

function recipeRows(before: object, after: object): Row[] {
  const [a, b] = [before, after].map((recipe) => flat(recipe as Json, ""));
  const keys = [...new Set([...a.keys(), ...b.keys()])].sort();
  return keys.filter((key) => key !== "name" && key !== "description" && a.get(key) !== b.get(key))
    .map((key) => ({
      label: key,
      cells: [textCell(short(a.get(key))), textCell(short(b.get(key))), textCell("recipe")],
    }));
}

/** Leaves by their dotted keys, as JSON. */
function flat(value: Json, key: string): Map<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return new Map([[key, JSON.stringify(value)]]);
  }
  return new Map(
    Object.entries(value).flatMap(([name, part]) =>
      part === undefined ? [] : [...flat(part, key === "" ? name : `${key}.${name}`)]
    ),
  );
}

function differenceRow({ kind, name, before, after }: Difference): Row {
  const text = (value: Json | undefined) => {
    if (value === undefined) return undefined;
    if (kind === "parameter" || kind === "seed") return JSON.stringify(value);
    return String(value).slice(0, 12); // of a digest, or a version
  };
  return {
    label: kind === "parameter" || kind === "seed" ? name : `${kind} ${name}`,
    cells: [textCell(short(text(before))), textCell(short(text(after)))],
  };
}

/** Numbers of the summaries that stages give of their results, where they differ. */
function summaryTable(name: string, title: string, pairs: readonly Pair[]): Table {
  const rows = pairs.flatMap(({ label, before, after }) => {
    const fields = [...new Set([before, after].flatMap(({ summary }) => Object.keys(summary)))];
    return fields.flatMap((field): Row[] => {
      const [a, b] = [before.summary[field], after.summary[field]];
      if (canonicalJson(a ?? null) === canonicalJson(b ?? null)) return [];
      return [{
        label: `${label} ${field}`,
        cells: [valueCell(a), valueCell(b), differenceCell(a, b)],
      }];
    });
  });
  return { name, title, columns: ["", ...columns], rows, notes: [] };
}

/** Whether there are losses of each document, which say more than a summary. */
function isEvaluated({ before, after }: Pair): boolean {
  return "losses" in before.outputs && "losses" in after.outputs;
}

async function lossTable(
  { before, after, bySource }: Comparison,
  pairs: readonly Pair[],
): Promise<Table> {
  const evaluated = pairs.filter(isEvaluated);
  const rows: Row[] = [];
  let isPaired = true;
  for (const pair of evaluated) {
    const { comparedLosses } = await import("../stages/report/mod.ts");
    const folders = await Promise.all([
      before.objects.require(pair.before.outputs.losses, pair.before.instance),
      after.objects.require(pair.after.outputs.losses, pair.after.instance),
    ]);
    const isSameText = (source: string) => sameText(source, pair.before, before, pair.after, after);
    const found = comparedLosses(...folders, isSameText);
    for (const one of found) {
      if (!bySource && one.source !== null && found.length > 1) continue;
      isPaired &&= one.isPaired;
      const [low, high] = one.interval;
      rows.push({
        label: `${pair.label} ${one.source ?? `mean of ${found.length - 1}`}`,
        cells: [
          { value: one.before, text: one.before.toFixed(3) },
          { value: one.after, text: one.after.toFixed(3) },
          measured(one.after - one.before, low, high, 3),
        ],
      });
    }
  }
  return {
    name: "losses",
    title: "Bits per byte on test text",
    columns: ["", ...columns],
    rows,
    notes: [
      isPaired
        ? "intervals: paired bootstrap over documents, which knows nothing of the noise of training"
        : "not all have the same test text: there, intervals are those of both, put together, and a difference may be the text's",
    ],
    mark: "* beyond noise: its interval excludes 0",
  };
}

/** The input of an evaluation that has the test text of a source, in tokens. */
function textInput(source: string): string {
  return `test/${source}`;
}

/** Whether two evaluations have read the same tokens, or tokens of the same documents. */
function sameText(source: string, a: Manifest, sideA: Side, b: Manifest, sideB: Side): boolean {
  const input = textInput(source);
  const [tokensA, tokensB] = [a, b].map(({ record }) => record.inputs[input]);
  if (tokensA === undefined || tokensB === undefined) return false;
  if (tokensA === tokensB) return true;
  const documents = [[a, sideA], [b, sideB]] as const;
  const [one, other] = documents.map(([{ parents }, { results }]) => {
    const from = parents?.[input];
    if (from === undefined) return undefined;
    const [id, split] = from.split("#");
    return results.get(id)?.record.inputs[split];
  });
  return one !== undefined && one === other;
}

/** A table for each one that both sides have, of the cells that differ. */
async function cellTables(
  { before, after }: Comparison,
  pairs: readonly Pair[],
): Promise<Table[]> {
  const { hasTableShape } = await import("../stages/report/mod.ts");
  const tables: Table[] = [];
  for (const pair of pairs) {
    if (pair.before.record.stage !== tableStage || pair.after.record.stage !== tableStage) continue;
    const [one, other] = await Promise.all([
      readTable(before, pair.before),
      readTable(after, pair.after),
    ]);
    if (!hasTableShape(one) || !hasTableShape(other)) continue;
    tables.push({
      name: pair.label,
      title: `${pair.label}: ${other.title}`,
      columns: ["", ...columns],
      rows: cellRows(one, other),
      notes: ["intervals of cells are put together as if nothing were common to both"],
      mark: "* beyond noise: its interval excludes 0",
    });
  }
  return tables;
}

async function readTable({ objects }: Side, { outputs, instance }: Manifest): Promise<unknown> {
  const folder = await objects.require(Object.values(outputs)[0], instance);
  return JSON.parse(Deno.readTextFileSync(join(folder, "table.json")));
}

/** Cells by the labels of their row and column. */
function cellsOf({ rows, columns }: Table): Map<string, Cell> {
  return new Map(
    rows.flatMap((row) =>
      row.cells.map((cell, i): [string, Cell] => [
        [row.label, columns[i + 1]].filter((text) => text !== "").join(" · "),
        cell,
      ])
    ),
  );
}

function cellRows(before: Table, after: Table): Row[] {
  const [a, b] = [before, after].map(cellsOf);
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((label): Row[] => {
    const [one, other] = [a.get(label), b.get(label)];
    const isSameText = one?.text !== undefined && one.text === other?.text;
    if (one?.value === other?.value || isSameText) return [];
    return [{ label, cells: [plain(one), plain(other), cellDifference(one, other)] }];
  });
}

function plain(cell: Cell | undefined): Cell {
  if (cell === undefined) return { value: null };
  const { value, text } = cell;
  return { value, ...(text === undefined ? {} : { text }) };
}

function cellDifference(one: Cell | undefined, other: Cell | undefined): Cell {
  const [a, b] = [one?.value, other?.value];
  if (typeof a !== "number" || typeof b !== "number") return { value: null };
  const [first, second] = [one, other].map((cell) =>
    cell?.low === undefined || cell.high === undefined ? undefined : (cell.high - cell.low) / 2
  );
  if (first === undefined || second === undefined) return differenceCell(a, b);
  const half = Math.hypot(first, second);
  return measured(b - a, b - a - half, b - a + half, 3);
}

function measured(value: number, low: number, high: number, digits: number): Cell {
  const isBeyond = low > 0 || high < 0;
  return {
    value,
    text: signed(value.toFixed(digits)),
    low,
    high,
    ...(isBeyond ? { best: true } : {}),
  };
}

function differenceCell(a: Json | undefined, b: Json | undefined): Cell {
  if (typeof a !== "number" || typeof b !== "number") return { value: null };
  return { value: b - a, text: signed(numberText(b - a)) };
}

function signed(text: string): string {
  return text.startsWith("-") ? `−${text.slice(1)}` : `+${text}`;
}

function valueCell(value: Json | undefined): Cell {
  if (value === undefined || value === null) return { value: null };
  return typeof value === "number"
    ? { value, text: numberText(value) }
    : textCell(short(typeof value === "string" ? value : JSON.stringify(value)));
}

function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

function textCell(value: string): Cell {
  return { value: value === "" ? null : value };
}

/** As much as a column has room for; nothing for what is absent. */
function short(text: string | undefined): string {
  if (text === undefined) return "";
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
