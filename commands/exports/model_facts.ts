/**
 * What is known of a trained model besides its weights: where it comes from, from which text, and what was measured.
 */

/** A source of training text, as the recipe names it. */
export interface SourceFacts {
  readonly name: string;
  /** Where its text is from: a generator, the names of files, or a data set of the hub. */
  readonly text: string;
  /** As the recipe says it. */
  readonly licence?: string;
}

/** A number that a stage has computed, with the key of the result that holds it. */
export interface MeasuredNumber {
  /** `perplexity`, `bits per byte`, … */
  readonly measure: string;
  /** On whose text; undefined for a number that no single source has. */
  readonly source?: string;
  readonly value: number;
  /** A 95 % interval. */
  readonly interval?: readonly [number, number];
  /** The instance that computed it, and its key. */
  readonly instance: string;
  readonly key: string;
}

export interface ModelFacts {
  /** The instance: `continue/trim/random`. */
  readonly target: string;
  /** Its output that holds the weights: `model`, `best`, `last`. */
  readonly output: string;
  /** Its action key, and the digest of the output. */
  readonly key: string;
  readonly digest: string;
  /** The recipe as the user named it, what `--set` changed, and its own words. */
  readonly recipe: {
    readonly name: string;
    readonly description: string;
    readonly typed: string;
  };
  readonly variant: string;
  /** Where a model of others came from that this is, or was continued from. */
  readonly imported?: string;
  /** Whose table it is, where each source has its own. */
  readonly source?: string;
  /** Rows of the vocabulary that the table was cut from; undefined where it is whole. */
  readonly cutFrom?: number;
  /** All that it was trained on. */
  readonly sources: readonly SourceFacts[];
  readonly numbers: readonly MeasuredNumber[];
}
