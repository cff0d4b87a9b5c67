/**
 * A downstream task in files: what a module of this folder exports as `task`.
 */
import type { TaskDescription, TaskExample } from "../task.ts";

/** A file of a task. */
export interface TaskFile {
  /** Base name: its ending tells the form, and errors begin with it. */
  readonly name: string;
  /** Where it lies on this machine. */
  readonly path: string;
}

export interface FileTask {
  readonly description: TaskDescription;
  /** What rows must have, for messages and docs. */
  readonly forms: readonly string[];
  /**
   * The examples of a file, in its order.
   * @throws StageError naming file, row and field of what is not as it must be.
   */
  examples(file: TaskFile): AsyncIterable<TaskExample>;
}

/** Where a recipe names no test file, its dev file is the test, and this share of the training examples is dev. */
export const fileTaskDefaults = { holdOut: 0.05 } as const;
