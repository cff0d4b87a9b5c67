/**
 * What the tables of perplexity and of bits per byte share: a row per variant, a column per source.
 */
import { readFileSync } from "node:fs";
import { UsageError } from "../../base/mod.ts";
import { group } from "../../pipeline/stage.ts";
import type { ContinuationStart } from "../../training/mod.ts";
import { continuedModels } from "../continue.ts";
import type { Recipe } from "../recipe.ts";
import { sourcesOf } from "../sources.ts";
import { meanOf } from "./cells.ts";
import { type Inputs, inputsOf } from "./kind.ts";
import type { Cell, Row } from "./table.ts";

export interface LossParams {
  readonly name: string;
  readonly start: ContinuationStart;
  readonly variants: readonly string[];
  readonly sources: readonly string[];
  readonly outOfDistribution: readonly string[];
}

/** A measure of one source: the value and its interval. */
interface Measure {
  readonly value: number;
  readonly interval?: readonly [number, number];
}

export function lossParams(recipe: Recipe, name: string): LossParams {
  const start = startOf(recipe, name);
  return {
    name,
    start,
    variants: variantsFrom(recipe, start),
    sources: sourcesOf(recipe),
    outOfDistribution: recipe.outOfDistribution,
  };
}

/** The variants whose models are continued from a start. */
export function variantsFrom(recipe: Recipe, start: ContinuationStart): readonly string[] {
  return continuedModels(recipe).filter((model) => model[1] === start).map(([variant]) => variant);
}

/** The start that a table's name ends with. @throws UsageError when the recipe continues nothing from it. */
export function startOf({ continue: { starts } }: Recipe, name: string): ContinuationStart {
  const start = name.endsWith("pretrained") ? "pretrained" : "random";
  if (starts.includes(start)) return start;
  throw new UsageError(
    `Cannot make table "${name}": expected "${start}" among continue.starts, found ${
      starts.join(", ")
    }; ` +
      `run with --set continue.starts=[random,pretrained]`,
  );
}

/** `losses/<variant>`: what the evaluation of each variant gave. */
export function lossInputs({ start, variants }: LossParams): Inputs {
  return inputsOf("losses", variants, (id) => `evaluate/${id}/${start}#losses`);
}

/** A column of a table of losses: a source, or the mean over several. */
interface LossColumn {
  readonly heading: string;
  readonly of: readonly string[];
}

/** Sources, their average, then those held out and theirs; with one held out, the average of all, as the paper has it. */
function columnsOf({ sources, outOfDistribution }: LossParams): readonly LossColumn[] {
  const held = outOfDistribution.length;
  return [
    ...sources.map((source) => ({ heading: source, of: [source] })),
    { heading: held > 0 ? "AVG in" : "AVG", of: sources },
    ...outOfDistribution.map((source) => ({ heading: `${source} (held out)`, of: [source] })),
    ...(held === 1 ? [{ heading: "AVG all", of: [...sources, ...outOfDistribution] }] : []),
    ...(held > 1 ? [{ heading: "AVG out", of: outOfDistribution }] : []),
  ];
}

export function lossColumns(params: LossParams): readonly string[] {
  return ["", ...columnsOf(params).map(({ heading }) => heading)];
}

/** Whether a cell of `lossCells` is an average of others. */
export function isAverage(params: LossParams, column: number): boolean {
  return isMean(columnsOf(params)[column]);
}

function isMean({ heading }: LossColumn): boolean {
  return heading.startsWith("AVG"); // no source is: their names are in lower case
}

/** Cells in the order of `lossColumns`. */
export function lossCells(params: LossParams, measure: (source: string) => Measure): Cell[] {
  return columnsOf(params).map((column) => {
    const { value, interval } = isMean(column)
      ? average(column.of.map(measure))
      : measure(column.of[0]);
    return { value, ...(interval ? { low: interval[0], high: interval[1] } : {}) };
  });
}

/** Mean over sources, as the paper's AVG. Sources are resampled apart, so the squares of half widths add. */
function average(measures: readonly Measure[]): Measure {
  const value = meanOf(measures.map((measure) => measure.value));
  if (measures.some((measure) => measure.interval === undefined)) return { value };
  const halves = measures.map(({ interval }) => (interval![1] - interval![0]) / 2);
  const half = Math.sqrt(halves.reduce((sum, h) => sum + h * h, 0)) / measures.length;
  return { value, interval: [value - half, value + half] };
}

/** A row per variant, from the summaries of its evaluation. */
export function variantRows(
  params: LossParams,
  inputs: Readonly<Record<string, string>>,
  measure: (losses: SourceLosses) => Measure,
): Row[] {
  const folders = group(inputs, "losses");
  return params.variants.map((variant) => {
    const summary = readSummary(folders.get(variant)!);
    return {
      label: variant,
      cells: lossCells(params, (source) => measure(summary[source])),
      from: [`losses/${variant}`],
    };
  });
}

/** A row of what the evaluations of all variants say alike. */
export function commonRow(
  label: string,
  params: LossParams,
  inputs: Readonly<Record<string, string>>,
  value: (losses: SourceLosses) => number,
): Row {
  const summary = readSummary([...group(inputs, "losses").values()][0]);
  return { label, cells: lossCells(params, (source) => ({ value: value(summary[source]) })) };
}

/**
 * Says on which sources every model predicts worse than the frequencies of tokens do: there the models have learned too little for a
 * comparison of them to mean much.
 * @param measure The unigram model by the measure of the table.
 */
export function unigramNotes(
  { sources, outOfDistribution }: LossParams,
  inputs: Readonly<Record<string, string>>,
  measure: (losses: SourceLosses) => number,
): string[] {
  const summaries = [...group(inputs, "losses").values()].map(readSummary);
  const worse = [...sources, ...outOfDistribution].filter((source) =>
    summaries.every((summary) => summary[source].lossNats > summary[source].unigramNats)
  );
  if (summaries.length === 0 || worse.length === 0) return [];
  const values = worse.map((source) => `${source} (${measure(summaries[0][source]).toFixed(2)})`);
  return [
    `every model is worse than a unigram model on ${
      values.join(", ")
    }: it has learned little there`,
  ];
}

/** What `evaluate` says of a source. */
export interface SourceLosses {
  readonly lossNats: number;
  readonly tokens: number;
  readonly bytes: number;
  readonly unigramNats: number;
  readonly perplexity: number;
  readonly perplexityInterval: readonly [number, number];
  readonly bitsPerByte: number;
  readonly bitsPerByteInterval: readonly [number, number];
}

function readSummary(folder: string): Readonly<Record<string, SourceLosses>> {
  return JSON.parse(readFileSync(`${folder}/summary.json`, "utf8")).sources;
}
