/**
 * Loss on held-out text: windows of the context length without overlap, every token but a window's first predicted.
 */
import type { Program } from "../engine/mod.ts";
import type { TokenShards } from "../datasets/mod.ts";
import { StageError } from "../base/mod.ts";
import { countUnknown, renumber, type SourceVocabulary } from "./local_vocabulary.ts";
import { windowFeeds } from "./windows.ts";

/** A part of a text: the position of its first token, and its tokens. */
export interface TextWindow {
  readonly start: number;
  readonly tokens: Int32Array;
}

/** Windows of a split in order, the last one shorter. @param first the number of the first */
export function* textWindows(
  shards: Pick<TokenShards, "tokens" | "slice">,
  seqLen: number,
  first = 0,
): Generator<TextWindow> {
  for (let start = first * seqLen; start < shards.tokens; start += seqLen) {
    yield { start, tokens: shards.slice(start, Math.min(seqLen, shards.tokens - start)) };
  }
}

/** A batch of windows and, for each, the nats of its predicted tokens: entry t is of token t + 1. */
interface ScoredWindows {
  readonly windows: readonly TextWindow[];
  /** [B, T] */
  readonly nll: Float32Array;
}

/** Scores windows in batches of the program's B. `tokens` are what the text has, renumbered only for the program. */
export async function* scoreWindows(
  program: Pick<Program, "run">,
  windows: Iterable<TextWindow>,
  { batchSize, seqLen, vocabulary }: {
    readonly batchSize: number;
    readonly seqLen: number;
    readonly vocabulary: SourceVocabulary;
  },
): AsyncGenerator<ScoredWindows> {
  const score = async (batch: ScoredWindows["windows"]): Promise<ScoredWindows> => {
    const feeds = windowFeeds(batch.map(({ tokens }) => renumber(tokens, vocabulary)), {
      batchSize,
      seqLen,
      weight: 1,
    });
    return { windows: batch, nll: (await program.run(feeds, ["nll"])).nll };
  };
  let batch: TextWindow[] = [];
  for (const window of windows) {
    batch.push(window);
    if (batch.length < batchSize) continue;
    yield await score(batch);
    batch = [];
  }
  if (batch.length > 0) yield await score(batch);
}

export type ValidationLoss = {
  /** Mean over the predicted tokens. */
  readonly lossNats: number;
  readonly tokens: number;
  /** Share of the tokens that the vocabulary lacks; they count as unknown. */
  readonly unknownShare: number;
};

/**
 * Mean loss of the first `maxWindows` windows of a source's validation text.
 * @throws StageError when there is nothing to predict, or for a non-finite loss.
 */
export async function validationLoss(
  program: Pick<Program, "run">,
  { source, shards, maxWindows, ...shape }: {
    readonly source: string;
    readonly shards: TokenShards;
    readonly maxWindows: number;
    readonly batchSize: number;
    readonly seqLen: number;
    readonly vocabulary: SourceVocabulary;
  },
): Promise<ValidationLoss> {
  const windows = take(textWindows(shards, shape.seqLen), maxWindows);
  let sum = 0;
  let predicted = 0;
  let seen = 0;
  let unknown = 0;
  for await (const batch of scoreWindows(program, windows, shape)) {
    batch.windows.forEach(({ tokens }, b) => {
      for (let t = 0; t < tokens.length - 1; t++) sum += batch.nll[b * shape.seqLen + t];
      predicted += tokens.length - 1;
      seen += tokens.length;
      unknown += countUnknown(tokens, shape.vocabulary);
    });
  }
  if (predicted === 0) {
    throw new StageError(
      `Cannot validate source "${source}": expected at least 2 validation tokens, found ${shards.tokens}`,
    );
  }
  const lossNats = sum / predicted;
  if (!Number.isFinite(lossNats)) {
    throw new StageError(
      `Cannot validate source "${source}": expected a finite loss, found ${lossNats}`,
    );
  }
  return { lossNats, tokens: predicted, unknownShare: unknown / seen };
}

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  for (const item of items) {
    if (count-- <= 0) return;
    yield item;
  }
}
