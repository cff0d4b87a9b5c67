/**
 * What the tables of losses share: a row per counted model and variant, a column per source.
 */
import { readFileSync } from "node:fs";
import { UsageError } from "../../base/mod.ts";
import {
  bitsPerByte,
  decodeDocumentLosses,
  type DocumentsBySource,
  type Measure,
  perplexity,
} from "../../training/mod.ts";
import { continuedModels } from "../continue.ts";
import { continuedExternals, externalModels, pretrainingEnd } from "../external_models.ts";
import type { Recipe } from "../recipe.ts";
import { sourcesOf } from "../sources.ts";
import { meanOf } from "./cells.ts";
import { equalVariants } from "./improvement.ts";
import { type Inputs, inputsOf } from "./kind.ts";
import { markPaired } from "./paired.ts";
import type { Cell, Row } from "./table.ts";

/** Which model a table is of: continued from an embedding, or as pre-training left it. */
type LossStart = "random" | "pretrained" | typeof pretrainingEnd;

export interface LossParams {
  readonly name: string;
  readonly start: LossStart;
  /** Counted models, which have rows above those of the variants. */
  readonly ngrams: readonly string[];
  readonly variants: readonly string[];
  /** Imports, which have rows below those of the variants. */
  readonly external: readonly string[];
  /** Those that saw as many tokens as DEPT: among them the best of a column is marked. All of them where DEPT is missing. */
  readonly rivals: readonly string[];
  readonly sources: readonly string[];
  readonly outOfDistribution: readonly string[];
}

/** A measure of one source: the value and its interval. */
interface Measured {
  readonly value: number;
  readonly interval?: readonly [number, number];
}

export function lossParams(
  recipe: Recipe,
  name: string,
  ngrams: readonly string[] = [],
): LossParams {
  const start = startOf(recipe, name);
  const variants = variantsFrom(recipe, start);
  return {
    name,
    start,
    ngrams,
    variants,
    external: start === pretrainingEnd
      ? externalModels(recipe)
      : continuedExternals(recipe).filter((model) => model[1] === start).map(([id]) => id),
    rivals: equalVariants(recipe, variants),
    sources: sourcesOf(recipe),
    outOfDistribution: recipe.outOfDistribution,
  };
}

/** The variants whose models a table is of. */
function variantsFrom(recipe: Recipe, start: LossStart): readonly string[] {
  if (start === pretrainingEnd) return recipe.pretrain.variants;
  return continuedModels(recipe).filter((model) => model[1] === start).map(([variant]) => variant);
}

/** The start that a table's name ends with. @throws UsageError when the recipe continues nothing from it. */
export function startOf({ continue: { starts } }: Recipe, name: string): LossStart {
  if (name.endsWith(pretrainingEnd)) return pretrainingEnd;
  const start = name.endsWith("pretrained") ? "pretrained" : "random";
  if (starts.includes(start)) return start;
  throw new UsageError(
    `Cannot make table "${name}": expected "${start}" among continue.starts, found ${
      starts.join(", ")
    }; ` +
      `run with --set continue.starts=[random,pretrained]`,
  );
}

/** For titles: what the models of a table have behind them. */
export function afterWhat({ start }: LossParams): string {
  return start === pretrainingEnd
    ? "at the end of pre-training"
    : `after continuation from ${start} embeddings`;
}

/** `losses/<row>`: what the evaluation of each counted model and variant gave. */
export function lossInputs({ start, ngrams, variants, external }: LossParams): Inputs {
  return {
    ...inputsOf("losses", ngrams, (name) => `ngrams/${name}#losses`),
    ...inputsOf("losses", [...variants, ...external], (id) => `evaluate/${id}/${start}#losses`),
  };
}

type LossSources = Pick<LossParams, "sources" | "outOfDistribution">;

/** A column of a table of losses: a source, or the mean over several. */
interface LossColumn {
  readonly heading: string;
  readonly of: readonly string[];
}

/** Sources, their average, then those held out and theirs; with one held out, the average of all, as the paper has it. */
function columnsOf({ sources, outOfDistribution }: LossSources): readonly LossColumn[] {
  const held = outOfDistribution.length;
  return [
    ...sources.map((source) => ({ heading: source, of: [source] })),
    { heading: held > 0 ? "AVG in" : "AVG", of: sources },
    ...outOfDistribution.map((source) => ({ heading: `${source} (held out)`, of: [source] })),
    ...(held === 1 ? [{ heading: "AVG all", of: [...sources, ...outOfDistribution] }] : []),
    ...(held > 1 ? [{ heading: "AVG out", of: outOfDistribution }] : []),
  ];
}

export function lossColumns(params: LossSources): readonly string[] {
  return ["", ...columnsOf(params).map(({ heading }) => heading)];
}

/** Whether a cell of `lossCells` is an average of others. */
export function isAverage(params: LossParams, column: number): boolean {
  return isMean(columnsOf(params)[column]);
}

function isMean({ heading }: LossColumn): boolean {
  return heading.startsWith("AVG"); // no source is: their names are in lower case
}

/** The sources of each column of `lossCells`. */
export function columnSources(params: LossParams): readonly (readonly string[])[] {
  return columnsOf(params).map((column) => column.of);
}

/** Cells in the order of `lossColumns`; null where the model has nothing to say of a source. */
export function lossCells(
  params: LossSources,
  measure: (source: string) => Measured | undefined,
): Cell[] {
  return columnsOf(params).map((column) => {
    const known = column.of.map(measure).filter((found) => found !== undefined);
    if (known.length < column.of.length) return { value: null };
    const { value, interval } = isMean(column) ? average(known) : known[0];
    return { value, ...(interval ? { low: interval[0], high: interval[1] } : {}) };
  });
}

/** Mean over sources, as the paper's AVG. Sources are resampled apart, so the squares of half widths add. */
function average(measures: readonly Measured[]): Measured {
  const value = meanOf(measures.map((measure) => measure.value));
  if (measures.some((measure) => measure.interval === undefined)) return { value };
  const halves = measures.map(({ interval }) => (interval![1] - interval![0]) / 2);
  const half = Math.sqrt(halves.reduce((sum, h) => sum + h * h, 0)) / measures.length;
  return { value, interval: [value - half, value + half] };
}

const measures: Readonly<Record<"bitsPerByte" | "perplexity", Measure>> = {
  bitsPerByte,
  perplexity,
};

/** A row per counted model and variant; the best rival of a column is marked where its paired intervals allow. */
export function lossRows(
  params: LossParams,
  inputs: Readonly<Record<string, string>>,
  measure: keyof typeof measures,
): Row[] {
  const rows = rowsOf(params, inputs, (losses) => ({
    value: losses[measure],
    interval: losses[`${measure}Interval`],
  }));
  const documents = (label: string) => [readDocuments(inputs[`losses/${label}`])];
  const marked = markPaired(
    rows.filter(({ label }) => params.rivals.includes(label)),
    columnSources(params),
    measures[measure],
    documents,
  );
  return rows.map((row) => marked.find(({ label }) => label === row.label) ?? row);
}

/** A row per counted model and variant, from the summaries of its evaluation. */
export function rowsOf(
  params: LossParams,
  inputs: Readonly<Record<string, string>>,
  measure: (losses: SourceLosses) => Measured,
): Row[] {
  const { ngrams, variants, external } = params;
  return [...ngrams, ...variants, ...external].map((label) => {
    const summary = readSummary(inputs[`losses/${label}`]);
    return {
      label,
      cells: lossCells(
        params,
        (source) => source in summary ? measure(summary[source]) : undefined,
      ),
      from: [`losses/${label}`],
    };
  });
}

/** The documents of an evaluation. */
export function readDocuments(folder: string): DocumentsBySource {
  return decodeDocumentLosses(readFileSync(`${folder}/documents.arrow`));
}

/** A row of what the evaluations of all variants say alike. */
export function commonRow(
  label: string,
  params: LossParams,
  inputs: Readonly<Record<string, string>>,
  value: (losses: SourceLosses) => number,
): Row {
  const summary = readSummary(inputs[`losses/${params.variants[0]}`]);
  return { label, cells: lossCells(params, (source) => ({ value: value(summary[source]) })) };
}

/**
 * Says on which sources every model predicts worse than the frequencies of tokens do: there the models have learned too little for a
 * comparison of them to mean much.
 * @param measure The unigram model by the measure of the table.
 */
export function unigramNotes(
  { sources, outOfDistribution, variants }: LossParams,
  inputs: Readonly<Record<string, string>>,
  measure: (losses: SourceLosses) => number,
): string[] {
  const summaries = variants.map((id) => readSummary(inputs[`losses/${id}`]));
  const known = (source: string) =>
    summaries.map((summary) => summary[source]).filter((losses) => losses !== undefined);
  const worse = [...sources, ...outOfDistribution].filter((source) =>
    known(source).length > 0 &&
    known(source).every(({ lossNats, unigramNats }) => lossNats > unigramNats)
  );
  if (worse.length === 0) return [];
  const values = worse.map((source) => `${source} (${measure(known(source)[0]).toFixed(2)})`);
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

/** What an evaluation says of each source. */
export function readSummary(folder: string): Readonly<Record<string, SourceLosses>> {
  return JSON.parse(readFileSync(`${folder}/summary.json`, "utf8")).sources;
}
