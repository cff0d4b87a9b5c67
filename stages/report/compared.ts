/**
 * Two evaluations side by side: bits per byte of each source and their mean, with the interval of the difference.
 */
import { bitsPerByte, differenceInterval, meanMeasure, resampledMean } from "../../training/mod.ts";
import { meanOf } from "./cells.ts";
import { readDocuments, readSummary } from "./losses.ts";

/** Bits per byte of two models on a source, or their means over all common sources. */
export interface ComparedLosses {
  /** Null for the mean. */
  readonly source: string | null;
  readonly before: number;
  readonly after: number;
  /** 95 % of `after` less `before`. */
  readonly interval: readonly [low: number, high: number];
  /** Whether both read the same documents, so that what these have in common drops out. */
  readonly isPaired: boolean;
}

/**
 * Compares the outputs `losses` of two evaluations on the sources that both have, by name; the mean comes last, where there are
 * several.
 * @param isSameText Whether both were made on the same test text of a source.
 */
export function comparedLosses(
  before: string,
  after: string,
  isSameText: (source: string) => boolean,
): ComparedLosses[] {
  const documents = [before, after].map(readDocuments);
  const summaries = [before, after].map(readSummary);
  const sources = [...documents[0].keys()].filter((source) => documents[1].has(source)).sort();
  const found = sources.map((source) => {
    const counts = documents.map((of) => of.get(source)!.tokens.length);
    const isPaired = isSameText(source) && counts[0] === counts[1];
    const [a, b] = documents.map((of) => meanMeasure([of], [source], bitsPerByte)!);
    const [samplesBefore, samplesAfter] = documents.map((of) =>
      isPaired ? resampledMean([of], [source], bitsPerByte)! : undefined
    );
    const halves = summaries.map((summary) => {
      const [low, high] = summary[source].bitsPerByteInterval;
      return (high - low) / 2;
    });
    const half = Math.hypot(...halves);
    const interval = samplesBefore !== undefined && samplesAfter !== undefined
      ? differenceInterval(samplesAfter, samplesBefore)
      : [b - a - half, b - a + half] as const;
    return { source, before: a, after: b, interval, isPaired, half, samplesBefore, samplesAfter };
  });
  const plain = found.map(({ half: _, samplesBefore: _before, samplesAfter: _after, ...one }) =>
    one
  );
  if (found.length < 2) return plain;
  const [a, b] = [meanOf(found.map((one) => one.before)), meanOf(found.map((one) => one.after))];
  const isPaired = found.every((one) => one.isPaired);
  // Sources are resampled apart, so the squares of half widths add.
  const half = Math.hypot(...found.map((one) => one.half)) / found.length;
  const interval = isPaired
    ? differenceInterval(
      meanSamples(found.map(({ samplesAfter }) => samplesAfter!)),
      meanSamples(found.map(({ samplesBefore }) => samplesBefore!)),
    )
    : [b - a - half, b - a + half] as const;
  return [...plain, { source: null, before: a, after: b, interval, isPaired }];
}

function meanSamples(samples: readonly Float64Array[]): Float64Array {
  return samples[0].map((_, i) => meanOf(samples.map((one) => one[i])));
}
