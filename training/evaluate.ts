/**
 * Evaluation: the losses of a model on every document of a source's text.
 *
 * Protocol: documents joined by the end symbol, windows of the context length without overlap, every token but
 * a window's first predicted. A token counts for the document that it belongs to, its end symbol with it.
 */
import {
  Field,
  Float64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import type { Program } from "../engine/mod.ts";
import type { TokenShards } from "../datasets/mod.ts";
import { Random, type Seed, StageError } from "../base/mod.ts";
import { type SourceVocabulary, wholeVocabulary } from "./local_vocabulary.ts";
import { scoreWindows, type TextWindow, textWindows } from "./validation.ts";

/** Sums over the predicted tokens of each document of a source, in the order of the documents. */
export interface MeasuredDocuments {
  readonly lossNats: Float64Array;
  readonly tokens: Float64Array;
  /** UTF-8 bytes of the predicted tokens. */
  readonly bytes: Float64Array;
}

export interface DocumentLosses extends MeasuredDocuments {
  /** Code length of the same tokens under the source's unigram model. */
  readonly unigramNats: Float64Array;
}

interface EvaluationSource {
  readonly name: string;
  readonly text: TokenShards;
  /** Bytes of each piece. */
  readonly byteLength: (id: number) => number;
  /** Log probability of each piece in nats. */
  readonly unigram: ArrayLike<number>;
}

/** What was found of a source so far. */
export interface PartialLosses {
  readonly losses: DocumentLosses;
  /** Windows that are counted. */
  readonly windows: number;
}

/** The sums of a source's documents, window by window in the order of its text. */
export class DocumentSums implements PartialLosses {
  readonly losses: DocumentLosses;
  windows: number;
  readonly #source: EvaluationSource;
  #document = 0;

  /** @param from goes on from there, and changes its arrays */
  constructor(source: EvaluationSource, from?: PartialLosses) {
    const { documents } = source.text;
    this.#source = source;
    this.windows = from?.windows ?? 0;
    this.losses = from?.losses ?? {
      lossNats: new Float64Array(documents),
      tokens: new Float64Array(documents),
      bytes: new Float64Array(documents),
      unigramNats: new Float64Array(documents),
    };
  }

  /** @param nll Nats of the window's token t, for t from 1. @throws StageError when they are not finite */
  add({ start, tokens }: TextWindow, nll: (t: number) => number): void {
    const { name, text: { ends }, byteLength, unigram } = this.#source;
    const { losses } = this;
    for (let t = 1; t < tokens.length; t++) {
      while (ends[this.#document] <= start + t) this.#document++;
      const nats = nll(t);
      if (!Number.isFinite(nats)) {
        const place = `source "${name}", token ${start + t}`;
        throw new StageError(`Cannot evaluate ${place}: expected a finite loss, found ${nats}`);
      }
      losses.lossNats[this.#document] += nats;
      losses.tokens[this.#document]++;
      losses.bytes[this.#document] += byteLength(tokens[t]);
      losses.unigramNats[this.#document] -= unigram[tokens[t]];
    }
    this.windows++;
  }
}

/** Scores a source with a program that holds the model. @throws StageError when a loss is not finite. */
export async function documentLosses(
  program: Pick<Program, "run">,
  source: EvaluationSource,
  { batchSize, seqLen, vocabulary = wholeVocabulary(source.text.vocabSize), sums, onBatch }: {
    readonly batchSize: number;
    readonly seqLen: number;
    /** Of the model; the whole one when absent. */
    readonly vocabulary?: SourceVocabulary;
    /** What is added to, which has whole batches; new ones when absent. */
    readonly sums?: DocumentSums;
    /** Called with the tokens scored so far; may throw to stop. */
    readonly onBatch?: (tokens: number) => Promise<void> | void;
  },
): Promise<DocumentLosses> {
  sums ??= new DocumentSums(source);
  const shape = { batchSize, seqLen, vocabulary };
  const windows = textWindows(source.text, seqLen, sums.windows);
  for await (const batch of scoreWindows(program, windows, shape)) {
    batch.windows.forEach((window, b) => sums.add(window, (t) => batch.nll[b * seqLen + t - 1]));
    const last = batch.windows[batch.windows.length - 1];
    await onBatch?.(last.start + last.tokens.length);
  }
  return sums.losses;
}

/** A source's row of `summary.json`. Sums over all predicted tokens, measures, and 95 % intervals. */
export interface SourceSummary {
  readonly documents: number;
  readonly lossNats: number;
  readonly tokens: number;
  readonly bytes: number;
  readonly unigramNats: number;
  /** exp(nats per token). */
  readonly perplexity: number;
  readonly perplexityInterval: readonly [number, number];
  readonly bitsPerByte: number;
  readonly bitsPerByteInterval: readonly [number, number];
}

/**
 * Sums up a source. Intervals are the 2.5 % and 97.5 % quantiles over resamples of its documents with replacement.
 * @throws StageError when no token was predicted, or when the perplexity is beyond all numbers.
 *
 * Source: Efron and Tibshirani 1993, §13.3 (percentile interval).
 */
export function summarise(
  source: string,
  losses: DocumentLosses,
  { bootstrapSamples, seed }: { readonly bootstrapSamples: number; readonly seed: Seed },
): SourceSummary {
  const { length: documents } = losses.tokens;
  const [lossNats, tokens, bytes, unigramNats] = [
    losses.lossNats,
    losses.tokens,
    losses.bytes,
    losses.unigramNats,
  ].map((values) => values.reduce((sum, value) => sum + value, 0));
  if (tokens === 0 || bytes === 0) {
    throw new StageError(
      `Cannot evaluate source "${source}": expected tokens to predict, found ${documents} documents ` +
        `with ${tokens} tokens after a first one, which have ${bytes} bytes`,
    );
  }
  const perplexity = Math.exp(lossNats / tokens);
  if (!Number.isFinite(perplexity)) {
    throw new StageError(
      `Cannot evaluate source "${source}": expected a perplexity that a number can hold, found ${
        (lossNats / tokens).toFixed(0)
      } nats a token: the model has diverged`,
    );
  }
  const random = new Random(seed);
  const perplexities: number[] = [];
  const bits: number[] = [];
  for (let sample = 0; sample < bootstrapSamples; sample++) {
    let [sampleNats, sampleTokens, sampleBytes] = [0, 0, 0];
    for (let drawn = 0; drawn < documents; drawn++) {
      const document = random.below(documents);
      sampleNats += losses.lossNats[document];
      sampleTokens += losses.tokens[document];
      sampleBytes += losses.bytes[document];
    }
    // All documents of a resample may have a single token.
    if (sampleTokens === 0 || sampleBytes === 0) continue;
    perplexities.push(Math.exp(sampleNats / sampleTokens));
    bits.push(sampleNats / Math.LN2 / sampleBytes);
  }
  return {
    documents,
    lossNats,
    tokens,
    bytes,
    unigramNats,
    perplexity,
    perplexityInterval: [quantile(perplexities, 0.025), quantile(perplexities, 0.975)],
    bitsPerByte: lossNats / Math.LN2 / bytes,
    bitsPerByteInterval: [quantile(bits, 0.025), quantile(bits, 0.975)],
  };
}

/** Quantile of values by linear interpolation between the order statistics; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

/** Rows a record batch: arrow-js reads one huge batch back wrong (its issue 139). */
const batchRows = 65_536;

/**
 * `documents.arrow`: a row per document, sources in the order of their names. Columns `source` (utf8), `document` (its
 * number in the split), `lossNats`, `tokens`, `bytes` (float64).
 */
export function encodeDocumentLosses(losses: ReadonlyMap<string, DocumentLosses>): Uint8Array {
  const schema = new Schema([
    new Field("source", new Utf8(), false),
    ...["document", "lossNats", "tokens", "bytes"].map((name) =>
      new Field(name, new Float64(), false)
    ),
  ]);
  const type = new Struct(schema.fields);
  const batches: RecordBatch[] = [];
  for (const source of [...losses.keys()].sort()) {
    const { lossNats, tokens, bytes } = losses.get(source)!;
    for (let start = 0; start < tokens.length; start += batchRows) {
      const length = Math.min(batchRows, tokens.length - start);
      const numbers = [
        Float64Array.from({ length }, (_, i) => start + i),
        ...[lossNats, tokens, bytes].map((values) => values.slice(start, start + length)),
      ].map((data) => makeData({ type: new Float64(), length, nullCount: 0, data }));
      const names = vectorFromArray(new Array<string>(length).fill(source), new Utf8()).data[0];
      const data = makeData({ type, length, nullCount: 0, children: [names, ...numbers] });
      batches.push(new RecordBatch(schema, data));
    }
  }
  return tableToIPC(new Table(schema, batches), "file");
}

/** What `encodeDocumentLosses` wrote: of each source its documents, in their order. */
export function decodeDocumentLosses(bytes: Uint8Array): Map<string, MeasuredDocuments> {
  const rows = new Map<string, number[][]>();
  for (const batch of tableFromIPC(bytes).batches) {
    const column = (name: string) => batch.getChild(name)!;
    const [sources, ...numbers] = ["source", "lossNats", "tokens", "bytes"].map(column);
    for (let row = 0; row < batch.numRows; row++) {
      const source = sources.get(row) as string;
      const values = rows.get(source) ?? [[], [], []];
      numbers.forEach((vector, i) => values[i].push(vector.get(row) as number));
      rows.set(source, values);
    }
  }
  return new Map([...rows].map(([source, [lossNats, tokens, bytes]]) => [source, {
    lossNats: Float64Array.from(lossNats),
    tokens: Float64Array.from(tokens),
    bytes: Float64Array.from(bytes),
  }]));
}
