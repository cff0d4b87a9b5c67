/**
 * Counted n-gram models: what the frequencies of tokens, pairs and triples in a source's training text predict.
 *
 * Interpolated absolute discounting, down to frequencies with one added to each count:
 *   p(w | h) = max(c(hw) − D, 0) / c(h) + D·N₊(h) / c(h) · p(w | h′)
 * where h′ is the history without its oldest token and N₊(h) the number of different tokens that followed h; p(w | h′) where h
 * never occurred. A history does not reach back across the beginning of a document.
 *
 * Source: Ney, Essen and Kneser 1994 (absolute discounting); interpolated as in Chen and Goodman 1999, §2.7.
 */
import { NumberTable } from "./number_table.ts";
import { countTokens, unigramModel } from "./statistics.ts";
import type { TokenShards } from "./token_shards.ts";

/** D, the usual value: what pairs that occur once lose to those that never did. */
const discount = 0.75;

/** Tokens that are read at once. */
const chunkTokens = 65_536;

/** No token: the beginning of a document. */
const noToken = -1;

/** What followed the histories of one length. */
class FollowerCounts {
  /** c(h), N₊(h), c(hw). */
  readonly #followed = new NumberTable();
  readonly #different = new NumberTable();
  readonly #pairs = new NumberTable();
  readonly #vocabSize: number;

  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
  }

  add(history: number, token: number): void {
    this.#followed.add(history);
    if (this.#pairs.add(history * this.#vocabSize + token) === 1) this.#different.add(history);
  }

  /** p(token | history) from `shorter`, p(token | h′). */
  probability(history: number, token: number, shorter: number): number {
    const followed = this.#followed.get(history);
    if (followed === 0) return shorter;
    const count = this.#pairs.get(history * this.#vocabSize + token);
    const kept = discount * this.#different.get(history) / followed;
    return Math.max(count - discount, 0) / followed + kept * shorter;
  }
}

export class NgramModel {
  readonly #order: number;
  readonly #vocabSize: number;
  /** ln p(w). */
  readonly #unigram: ArrayLike<number>;
  readonly #afterOne: FollowerCounts;
  readonly #afterTwo: FollowerCounts;
  /** Pairs of tokens get numbers from 1 in the order of their first occurrence, so that triples stay below 2^53. */
  readonly #numbers = new NumberTable();

  /**
   * Counts a text; at most some 140 bytes a token for triples, where no triple comes twice.
   * @param order 1 to 3: the predicted token and those that it is predicted from.
   */
  constructor(text: TokenShards, order: number) {
    this.#order = order;
    this.#vocabSize = text.vocabSize;
    this.#unigram = unigramModel(countTokens(text));
    this.#afterOne = new FollowerCounts(text.vocabSize);
    this.#afterTwo = new FollowerCounts(text.vocabSize);
    if (order > 1) this.#count(text);
  }

  /** Nats of a token after the two before it, −1 where there is none. */
  nats(beforeLast: number, last: number, token: number): number {
    if (this.#order === 1 || last === noToken) return -this.#unigram[token];
    let probability = Math.exp(this.#unigram[token]);
    probability = this.#afterOne.probability(last, token, probability);
    if (this.#order > 2 && beforeLast !== noToken) {
      const pair = this.#numbers.get(beforeLast * this.#vocabSize + last);
      if (pair > 0) probability = this.#afterTwo.probability(pair, token, probability);
    }
    return -Math.log(probability);
  }

  #count(text: TokenShards): void {
    let document = 0;
    let [beforeLast, last] = [noToken, noToken];
    for (let start = 0; start < text.tokens; start += chunkTokens) {
      const tokens = text.slice(start, Math.min(chunkTokens, text.tokens - start));
      for (let i = 0; i < tokens.length; i++) {
        const token = tokens[i];
        if (last !== noToken) this.#afterOne.add(last, token);
        if (this.#order > 2 && beforeLast !== noToken) {
          this.#afterTwo.add(this.#numberOf(beforeLast * this.#vocabSize + last), token);
        }
        const isEnd = start + i + 1 === text.ends[document];
        if (isEnd) document++;
        [beforeLast, last] = isEnd ? [noToken, noToken] : [last, token];
      }
    }
  }

  #numberOf(pair: number): number {
    const known = this.#numbers.get(pair);
    return known > 0 ? known : this.#numbers.add(pair, this.#numbers.size + 1);
  }
}

/**
 * Scores the windows of a text, which must come in its order: nats of each token after those before it in the window and in its
 * document.
 * @param ends Ends of the text's documents.
 */
export function windowScorer(
  model: NgramModel,
  ends: ArrayLike<number>,
): (window: { readonly start: number; readonly tokens: Int32Array }) => Float64Array {
  let document = 0;
  return ({ start, tokens }) => {
    let [beforeLast, last] = [noToken, noToken];
    return Float64Array.from(tokens, (token, t) => {
      while (ends[document] <= start + t) {
        document++;
        [beforeLast, last] = [noToken, noToken];
      }
      const nats = model.nats(beforeLast, last, token);
      [beforeLast, last] = [last, token];
      return nats;
    });
  };
}
