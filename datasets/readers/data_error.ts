/**
 * What is wrong with the bytes of a file, as `expected …, found …`. The reader that catches it adds the file's name.
 */
import { messageOf, StageError } from "../../base/mod.ts";

export class DataError extends Error {
  override readonly name = "DataError";
}

/** An error that names the file. Stack overflows and failed allocations of a decoder count as damaged data. */
export function fileError(file: string, place: string, cause: unknown): StageError {
  if (cause instanceof StageError) return cause;
  const where = place === "" ? `"${file}"` : `"${file}", ${place}`;
  return new StageError(
    cause instanceof DataError
      ? `Cannot read ${where}: ${cause.message}`
      : `Cannot read ${where}: expected well-formed data, found damaged data (${messageOf(cause)})`,
    { cause },
  );
}
