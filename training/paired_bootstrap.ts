/**
 * Bootstrap over documents in which all models meet the same resamples: so differences between models have intervals of their own.
 *
 * What documents have in common (long ones, hard ones) drops out of a difference; intervals of the models themselves are two to
 * three times as wide. With several seeds, a resample has seeds drawn with replacement and one draw of documents for all of them:
 * test text of files is the same for every seed, so that more seeds do not make more documents.
 *
 * Source: Efron and Tibshirani 1993, §8.3 and §13.3 (percentile interval); Koehn 2004 (paired, same resamples for both systems).
 */
import { Random, seedOf } from "../base/mod.ts";
import { type MeasuredDocuments, quantile } from "./evaluate.ts";

/** A measure of documents from their sums: bits per byte, perplexity. */
export type Measure = (sums: { lossNats: number; tokens: number; bytes: number }) => number;

export const bitsPerByte: Measure = ({ lossNats, bytes }) => lossNats / Math.LN2 / bytes;
export const perplexity: Measure = ({ lossNats, tokens }) => Math.exp(lossNats / tokens);

/** Resamples of an interval: their ends are then good to a hundredth of its width. */
export const resamples = 1000;

/**
 * A measure over resamples of a source's documents, with replacement: (`resamples`). Equal numbers of documents under one name
 * meet the same draws.
 * @param name Of the draws: sources have different ones.
 */
function resampled(documents: MeasuredDocuments, measure: Measure, name: string): Float64Array {
  const random = new Random(seedOf(0, `paired-bootstrap/${name}`));
  const { lossNats, tokens, bytes } = documents;
  const count = tokens.length;
  return Float64Array.from({ length: resamples }, () => {
    const sums = { lossNats: 0, tokens: 0, bytes: 0 };
    for (let drawn = 0; drawn < count; drawn++) {
      const document = random.below(count);
      sums.lossNats += lossNats[document];
      sums.tokens += tokens[document];
      sums.bytes += bytes[document];
    }
    return measure(sums);
  });
}

/** What a model's evaluation says of each source. */
export type DocumentsBySource = ReadonlyMap<string, MeasuredDocuments>;

/**
 * A measure over resamples, mean over sources: (`resamples`). With one seed only documents are drawn.
 * @param seeds The evaluations of a model, one for each seed.
 * @returns undefined where a seed lacks one of the sources
 */
export function resampledMean(
  seeds: readonly DocumentsBySource[],
  sources: readonly string[],
  measure: Measure,
): Float64Array | undefined {
  const random = new Random(seedOf(0, "paired-bootstrap/seeds"));
  const draws = Array.from(
    { length: resamples },
    () => seeds.map(() => seeds.length === 1 ? 0 : random.below(seeds.length)),
  );
  const mean = new Float64Array(resamples);
  for (const source of sources) {
    const values: Float64Array[] = [];
    for (const documents of seeds) {
      const ofSource = documents.get(source);
      if (ofSource === undefined) return undefined;
      values.push(resampled(ofSource, measure, source));
    }
    for (let i = 0; i < resamples; i++) {
      for (const seed of draws[i]) mean[i] += values[seed][i] / seeds.length / sources.length;
    }
  }
  return mean;
}

/**
 * 95 % of the differences between two models, resample by resample; those without a byte to measure, as two documents of which one
 * is empty may have, are left out.
 */
export function differenceInterval(
  ours: Float64Array,
  theirs: Float64Array,
): readonly [low: number, high: number] {
  const differences = Array.from(ours, (value, i) => value - theirs[i]).filter(Number.isFinite);
  return [quantile(differences, 0.025), quantile(differences, 0.975)];
}

/** The measure of all documents, mean over sources, then over seeds; undefined where one is missing. */
export function meanMeasure(
  seeds: readonly DocumentsBySource[],
  sources: readonly string[],
  measure: Measure,
): number | undefined {
  let sum = 0;
  for (const documents of seeds) {
    for (const source of sources) {
      const found = documents.get(source);
      if (found === undefined) return undefined;
      const total = (values: Float64Array) => values.reduce((all, value) => all + value, 0);
      const { lossNats, tokens, bytes } = found;
      sum += measure({
        lossNats: total(lossNats),
        tokens: total(tokens),
        bytes: total(bytes),
      });
    }
  }
  return sum / seeds.length / sources.length;
}
