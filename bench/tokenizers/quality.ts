/**
 * How well a vocabulary writes a text: bits per character of the best segmentation, and characters a token.
 *
 * This is written apart from the encoders it judges: a plain Viterbi over a map of pieces, the same for every vocabulary.
 */

/** Piece → natural logarithm of its score, spaces as spaces. */
export type Vocabulary = ReadonlyMap<string, number>;

export interface Quality {
  readonly bitsPerCharacter: number;
  readonly charactersPerToken: number;
  /** Share of characters that no piece holds. */
  readonly unknownShare: number;
}

/** What a character without a piece costs in every vocabulary: log2 of the number of code points, rounded up. */
const unknownBits = 21;

/** Scores as probabilities that sum to 1. */
export function normalized(scores: Vocabulary): Vocabulary {
  let highest = -Infinity;
  for (const score of scores.values()) highest = Math.max(highest, score);
  let total = 0;
  for (const score of scores.values()) total += Math.exp(score - highest);
  const shift = highest + Math.log(total);
  return new Map([...scores].map(([piece, score]) => [piece, score - shift]));
}

/** Judges a vocabulary by lines of text; each is segmented as a whole. */
export function measureQuality(scores: Vocabulary, lines: Iterable<string>): Quality {
  const vocabulary = normalized(scores);
  const longest = [...vocabulary.keys()].reduce((most, p) => Math.max(most, [...p].length), 1);
  const unknownLogProb = -unknownBits * Math.LN2;
  let [nats, characters, tokens, unknown] = [0, 0, 0, 0];
  for (const line of lines) {
    const text = [...line];
    const n = text.length;
    const best = new Float64Array(n + 1).fill(-Infinity);
    const from = new Int32Array(n + 1);
    const isUnknown = new Uint8Array(n + 1);
    best[0] = 0;
    for (let i = 0; i < n; i++) {
      let piece = "";
      for (let j = i + 1; j <= Math.min(n, i + longest); j++) {
        piece += text[j - 1];
        const logProb = vocabulary.get(piece);
        const score = best[i] + (logProb ?? unknownLogProb);
        if (logProb === undefined && j > i + 1 || score <= best[j]) continue;
        [best[j], from[j], isUnknown[j]] = [score, i, logProb === undefined ? 1 : 0];
      }
    }
    nats -= best[n];
    characters += n;
    for (let at = n; at > 0; at = from[at]) {
      tokens++;
      unknown += isUnknown[at];
    }
  }
  return {
    bitsPerCharacter: nats / Math.LN2 / characters,
    charactersPerToken: characters / tokens,
    unknownShare: unknown / characters,
  };
}
