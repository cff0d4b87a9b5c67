/**
 * How much better DEPT is than the baselines, as the paper says it.
 *
 * Source: DEPT §4: "Min/Max Imp (%)", the worst and the best DEPT variant against the best baseline of the column,
 * 100·(b − x)/b, and 100·(x − b)/b where more is better. Controls are on neither side. The paper's baselines take as many steps as
 * DEPT and so see fewer tokens; beside its way stands the same among rows of as many tokens.
 */
import { pretrainBudget, variantNamed } from "../../training/mod.ts";
import type { Recipe } from "../recipe.ts";
import { cellOf, decimals } from "./cells.ts";
import type { Cell, Direction, Row } from "./table.ts";

/** Who is compared with whom, by the labels of their rows. */
export interface Rivals {
  readonly dept: readonly string[];
  readonly baselines: readonly string[];
}

export function rivalsOf(variants: readonly string[]): Rivals {
  const inRole = (role: string) => variants.filter((id) => variantNamed(id).role === role);
  return { dept: inRole("method"), baselines: inRole("baseline") };
}

/** The paper's way of comparing, and the same at equal tokens. */
export interface Comparisons {
  readonly paper: Rivals;
  /** DEPT and the baselines on the mixture that saw as many tokens. */
  readonly equal: Rivals;
  /** How many times the tokens of the paper's baselines DEPT saw; null where one side is missing. */
  readonly tokenRatio: number | null;
}

export function comparisonsOf(recipe: Recipe, variants: readonly string[]): Comparisons {
  const paper = rivalsOf(variants);
  const tokens = tokensOf(recipe);
  const [dept] = paper.dept.map(tokens);
  const ratio = (dept ?? NaN) / Math.min(...paper.baselines.map(tokens));
  return {
    paper,
    equal: { dept: paper.dept, baselines: equalBaselines(recipe, variants) },
    tokenRatio: Number.isFinite(ratio) && ratio > 0 ? ratio : null, // without rounds nobody saw any
  };
}

/** The models on the mixture of all sources that saw as many tokens as DEPT. */
export function equalBaselines(recipe: Recipe, variants: readonly string[]): readonly string[] {
  if (rivalsOf(variants).dept.length === 0) return [];
  return equalVariants(recipe, variants).filter((id) => {
    const { training: { mixture }, onlySource } = variantNamed(id);
    return mixture !== undefined && onlySource === undefined;
  });
}

/** The variants that saw as many tokens as those of DEPT, these included; all where there are none. */
export function equalVariants(recipe: Recipe, variants: readonly string[]): readonly string[] {
  const tokens = tokensOf(recipe);
  const [dept] = rivalsOf(variants).dept.map(tokens);
  return dept === undefined ? variants : variants.filter((id) => tokens(id) === dept);
}

function tokensOf({ pretrain, model }: Recipe): (id: string) => number {
  return (id) => pretrainBudget(variantNamed(id).training, { ...pretrain, model }).tokens;
}

/** Rows of both comparisons, at equal tokens first. */
export function comparisonRows(
  rows: readonly Row[],
  { paper, equal }: Comparisons,
  direction: Direction = "lowest",
): Row[] {
  const atEqualTokens = improvementRows(rows, equal, direction)
    .map((row) => ({ ...row, label: `${row.label}, equal tokens` }));
  return [...atEqualTokens, ...improvementRows(rows, paper, direction)];
}

/**
 * Notes of both comparisons: who is compared, and in how many of the columns DEPT is better.
 * @param of What is counted: "columns", "tasks".
 */
export function comparisonNotes(
  rows: readonly Row[],
  { paper, equal, tokenRatio }: Comparisons,
  of: string,
  isCounted: (column: number) => boolean,
  direction: Direction = "lowest",
): string[] {
  const note = (rivals: Rivals, way: string): string[] => {
    const [won, all] = wins(rows, rivals, isCounted, direction);
    if (all === 0) return [];
    const better = direction === "lowest" ? "below" : "above";
    return [
      `min., max. imp. %${way}: the worst and the best of ${
        rivals.dept.join(", ")
      } against the best of ` +
      `${rivals.baselines.join(", ")}; the best is ${better} it in ${won} of ${all} ${of}`,
    ];
  };
  const seen = tokenRatio === null ? "" : ` (DEPT saw ${tokenRatio.toFixed(1)} × the tokens)`;
  return [
    ...note(equal, ", equal tokens"),
    ...note(paper, ` as the paper counts${seen}`),
  ];
}

/** The two rows; none where one side is missing. A baseline that is not above 0 is nothing to take a share of. */
export function improvementRows(
  rows: readonly Row[],
  rivals: Rivals,
  direction: Direction = "lowest",
): Row[] {
  const columns = compare(rows, rivals, direction);
  const sign = direction === "lowest" ? 1 : -1;
  if (columns.length === 0) return [];
  const row = (label: string, of: (column: Comparison) => number): Row => ({
    label,
    cells: columns.map((column): Cell => {
      if (!(column.baseline > 0)) return { value: null };
      const value = (sign * 100 * (column.baseline - of(column))) / column.baseline;
      return cellOf(value, decimals(1));
    }),
  });
  return [row("min. imp. %", ({ worst }) => worst), row(largest, ({ best }) => best)];
}

const largest = "max. imp. %";

/**
 * Of rows with intervals over repeated runs: in how many columns the best DEPT variant is better or worse beyond noise.
 * @param isCounted by column.
 */
export function noiseNotes(rows: readonly Row[], isCounted: readonly boolean[]): string[] {
  return rows.filter(({ label }) => label.startsWith(largest)).map(({ label, cells: all }) => {
    const cells = all.filter((_, column) => isCounted[column]);
    const better = cells.filter(({ low }) => low !== undefined && low > 0).length;
    const worse = cells.filter(({ high }) => high !== undefined && high < 0).length;
    return `${label}: above 0 beyond noise in ${better} of ${cells.length} comparisons, below in ${worse}; ` +
      `noise: ${cells.length - better - worse}`;
  });
}

/** In how many of the columns the best DEPT variant is better than the best baseline, and how many there are. */
export function wins(
  rows: readonly Row[],
  rivals: Rivals,
  isCounted: (column: number) => boolean,
  direction: Direction = "lowest",
): readonly [number, number] {
  const columns = compare(rows, rivals, direction).filter((_, column) => isCounted(column));
  const isWon = ({ best, baseline }: Comparison) =>
    direction === "lowest" ? best < baseline : best > baseline;
  return [columns.filter(isWon).length, columns.length];
}

interface Comparison {
  readonly baseline: number;
  readonly best: number;
  readonly worst: number;
}

/** A comparison per column of cells; nothing where one side is missing. */
function compare(
  rows: readonly Row[],
  { dept, baselines }: Rivals,
  direction: Direction,
): Comparison[] {
  if (dept.length === 0 || baselines.length === 0) return [];
  const values = (labels: readonly string[], column: number) =>
    rows.filter(({ label }) => labels.includes(label))
      .map(({ cells }) => cells[column].value)
      .filter((value) => typeof value === "number");
  return Array.from({ length: rows[0]?.cells.length ?? 0 }, (_, column) => {
    const [ours, theirs] = [values(dept, column), values(baselines, column)];
    const [best, worst] = direction === "lowest" ? [Math.min, Math.max] : [Math.max, Math.min];
    return { baseline: best(...theirs), best: best(...ours), worst: worst(...ours) };
  });
}
