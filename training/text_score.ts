/**
 * How well a network predicts a text: the evaluation protocol on tokens that lie in memory.
 */
import type { Program } from "../engine/mod.ts";
import { StageError } from "../base/mod.ts";
import { countUnknown, type SourceVocabulary } from "./local_vocabulary.ts";
import { scoreWindows, textWindows } from "./validation.ts";

interface TextScore {
  /** Predicted tokens: all but the first of each window. */
  readonly tokens: number;
  readonly lossNats: number;
  readonly perplexity: number;
  readonly bitsPerByte: number;
  /** Share of the tokens that the network's table lacks; they count as unknown. */
  readonly unknownShare: number;
}

/**
 * Scores documents that were joined by the end symbol, in windows of the context length without overlap.
 * @param byteLength UTF-8 bytes of a token.
 * @param onBatch Called with the tokens scored so far; may throw to stop.
 * @throws StageError when there is no text to predict, or for a loss that is not finite.
 */
export async function scoreText(
  program: Pick<Program, "run">,
  ids: Int32Array,
  { byteLength, onBatch, ...shape }: {
    readonly byteLength: (id: number) => number;
    readonly onBatch?: (tokens: number) => Promise<void> | void;
    readonly batchSize: number;
    readonly seqLen: number;
    readonly vocabulary: SourceVocabulary;
  },
): Promise<TextScore> {
  const text = {
    tokens: ids.length,
    slice: (from: number, length: number) => ids.slice(from, from + length),
  };
  let [nats, tokens, bytes] = [0, 0, 0];
  for await (const batch of scoreWindows(program, textWindows(text, shape.seqLen), shape)) {
    batch.windows.forEach((window, b) => {
      for (let t = 1; t < window.tokens.length; t++) {
        const loss = batch.nll[b * shape.seqLen + t - 1];
        if (!Number.isFinite(loss)) {
          throw new StageError(
            `Cannot score the text, token ${
              window.start + t
            }: expected a finite loss, found ${loss}`,
          );
        }
        nats += loss;
        bytes += byteLength(window.tokens[t]);
        tokens++;
      }
    });
    const last = batch.windows[batch.windows.length - 1];
    await onBatch?.(last.start + last.tokens.length);
  }
  if (bytes === 0) { // bits are divided by bytes, and the end symbol has none
    throw new StageError(
      `Cannot score the text: expected at least 2 tokens, one of text after the first, found ${ids.length}`,
    );
  }
  return {
    tokens,
    lossNats: nats / tokens,
    perplexity: Math.exp(nats / tokens),
    bitsPerByte: nats / Math.LN2 / bytes,
    unknownShare: countUnknown(ids, shape.vocabulary) / ids.length,
  };
}
