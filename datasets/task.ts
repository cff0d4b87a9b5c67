/**
 * Downstream tasks: labelled examples of the four kinds of the paper (§5).
 */
import type { Seed } from "../base/mod.ts";

/**
 * `classification`: one text, a class (SST-2). `entailment`: two texts, a class (MNLI).
 * `choice`: a context, options, the right one's index (RACE). `similarity`: two texts, a real score (STS-B).
 */
type TaskKind = "classification" | "entailment" | "choice" | "similarity";

export interface TaskExample {
  /** One text, or two for `entailment` and `similarity`; the context for `choice`. */
  readonly texts: readonly string[];
  /** `choice` only: the answers to choose from, the same number in every example. */
  readonly options?: readonly string[];
  /** Class index, index of the right option, or score. */
  readonly label: number;
}

export interface TaskDescription {
  readonly kind: TaskKind;
  /** Classes, options, or 1 for a score. */
  readonly nClasses: number;
}

/** What a generator of tasks in `generators/` exports as `task`. Example i depends only on options, split, seed and i. */
export interface GeneratedTask<Options> {
  readonly description: TaskDescription;
  examples(options: Options, split: "train" | "dev" | "test", seed: Seed): Iterable<TaskExample>;
  /** The best expected score that the rules allow (label noise), in the task's metric. */
  ceiling(options: Options): number;
}
