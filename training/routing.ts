/**
 * To which source a text belongs, where nobody says: to the one whose counts of pieces tell it in the fewest bits.
 *
 * Not in the paper: DEPT App. F asks how models with tables of their own are used on text of an unknown source.
 */
import { type UnigramModel, unigramModel, unigramNats } from "../datasets/mod.ts";
import type { Tokenizer } from "../tokenizers/mod.ts";

/** A source by its own tokenizer and counts of pieces. */
export interface RoutedSource {
  readonly source: string;
  readonly tokenizer: Pick<Tokenizer, "encode">;
  /** How often its training text has each piece of the tokenizer. */
  readonly counts: ArrayLike<number>;
}

/** A text by one source. */
export interface RoutedText {
  readonly ids: Int32Array;
  /** Of the source's unigram model. */
  readonly nats: number;
}

export class Router {
  readonly #sources: readonly RoutedSource[];
  readonly #models: readonly UnigramModel[];

  /** @throws RangeError for no sources */
  constructor(sources: readonly RoutedSource[]) {
    if (sources.length === 0) {
      throw new RangeError("Cannot route texts: expected sources, found none");
    }
    this.#sources = sources;
    this.#models = sources.map(({ counts }) => unigramModel(counts));
  }

  /** A text by each source, in their order. */
  read(text: string): RoutedText[] {
    return this.#sources.map(({ tokenizer }, k) => {
      const ids = tokenizer.encode(text);
      return { ids, nats: unigramNats(this.#models[k], ids) };
    });
  }

  /** The number of the source with the fewest nats; of equals the first. All tell the same text, so nats compare. */
  choose(readings: readonly Pick<RoutedText, "nats">[]): number {
    return readings.reduce((best, { nats }, k) => nats < readings[best].nats ? k : best, 0);
  }
}
