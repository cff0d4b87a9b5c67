/**
 * Text from a trained network: the next token drawn from what the network says, over and over.
 */
import type { Random } from "../base/mod.ts";
import type { Decoder } from "./decoder.ts";

interface SamplingOptions {
  /** 0 takes the likeliest token; 1 draws as the network says. */
  readonly temperature: number;
  /** Only so many of the likeliest are drawn from; all when absent. */
  readonly topK?: number;
  /** Ids that are never drawn: rows of a table that no piece has. */
  readonly unused?: readonly number[];
}

/** Draws a token from its logits [V]. Among equals the lowest id counts as the likeliest. */
export function sampleToken(
  logits: Float32Array,
  { temperature, topK = logits.length, unused = [] }: SamplingOptions,
  random: Random,
): number {
  for (const id of unused) logits[id] = -Infinity;
  if (temperature === 0) return likeliest(logits);
  const ids = Array.from(logits, (_, id) => id).sort((a, b) => logits[b] - logits[a] || a - b)
    .slice(0, topK);
  const weights = ids.map((id) => Math.exp((logits[id] - logits[ids[0]]) / temperature));
  let left = random.float64() * weights.reduce((sum, weight) => sum + weight, 0);
  const chosen = weights.findIndex((weight) => (left -= weight) < 0);
  return ids[chosen < 0 ? ids.length - 1 : chosen];
}

function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  return best;
}

/** Reads a prompt and yields up to `tokens` ids that follow it, until `endId`, which is not yielded. */
export async function* generateTokens(
  decoder: Decoder,
  prompt: Int32Array,
  { tokens, endId, random, onPrompt, ...sampling }: SamplingOptions & {
    /** Called with the number of tokens of the prompt that were read so far. */
    readonly onPrompt?: (tokens: number) => Promise<void> | void;
    readonly tokens: number;
    readonly endId: number;
    readonly random: Random;
  },
): AsyncGenerator<number> {
  let logits = await decoder.read(prompt, onPrompt);
  for (let made = 0; made < tokens; made++) {
    const token = sampleToken(logits, sampling, random);
    if (token === endId) return;
    yield token;
    if (made < tokens - 1) logits = await decoder.read(Int32Array.of(token));
  }
}
