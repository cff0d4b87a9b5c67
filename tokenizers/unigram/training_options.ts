/**
 * How a training is run. None of these options changes its result.
 */

/** Messages and progress of a training; a stage's log fits. */
export interface TrainingLog {
  info(message: string, fields?: Readonly<Record<string, number>>): void;
  progress?(
    state: { readonly done: number; readonly total: number; readonly unit: string },
  ): void;
}

export interface TrainingOptions {
  readonly log?: TrainingLog;
  readonly signal?: AbortSignal;
  /** Threads that work, this one included; default 1. */
  readonly threads?: number;
  /** Starts threads for any text; otherwise only where they gain more than their start costs. */
  readonly eagerThreads?: boolean;
  /** Memory for tables of counted words, before they go to disk; default 512 MiB. The rest of training has its own needs. */
  readonly memoryBytes?: number;
  /** A folder for results so far: a later training of the same text and config goes on from them. */
  readonly checkpointFolder?: string;
  /** UTF-8 bytes between two checkpoints of counting; default 512 MiB. */
  readonly checkpointBytes?: number;
  /** Least time between two checkpoints of the search; default 2 s. */
  readonly checkpointMs?: number;
  /** UTF-8 bytes of all documents, for progress. */
  readonly totalBytes?: number;
}

export type Documents =
  | AsyncIterable<{ readonly text: string }>
  | Iterable<{ readonly text: string }>;
