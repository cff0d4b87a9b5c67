/**
 * Error types that callers tell apart. Everything else is a plain `TypeError`, `RangeError` or `SyntaxError`.
 */

/**
 * A mistake in what the user typed or wrote: command line, recipe, choice of files.
 * The command line prints its message without a stack and ends with exit code 2.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A mistake at a key of a recipe, found by one who does not know where the key is written. */
export class RecipeError extends UsageError {
  /** @param path Keys of maps and indices of lists, from the outermost. */
  constructor(readonly path: readonly (string | number)[], message: string) {
    super(message);
  }
}

/**
 * Data or a computation that a stage cannot accept (a broken record, a non-finite loss).
 * The command line prints its message without a stack; the stage fails, the run ends with exit code 1.
 */
export class StageError extends Error {
  override readonly name = "StageError";
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
