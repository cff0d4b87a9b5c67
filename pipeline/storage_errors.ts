/**
 * Errors of the disk as messages for users: it is full, it is read-only, writing is not allowed.
 */
import { messageOf } from "../base/mod.ts";

const reasons: readonly (readonly [RegExp, string])[] = [
  [
    /os error 28\)|ENOSPC/,
    "expected room on its disk, found it full; free some (deno task pipeline gc, or other files)",
  ],
  [
    /os error 122\)|EDQUOT/,
    "expected room on its disk, found your quota used up; free some (deno task pipeline gc)",
  ],
  [
    /os error 27\)|EFBIG/,
    "expected that files may grow, found a limit on their size (ulimit -f); raise it",
  ],
  [
    /os error 30\)|EROFS/,
    "expected a folder to write to, found a read-only file system; choose another with --store DIR",
  ],
  [
    /os error 13\)|EACCES/,
    "expected a folder to write to, found that permission is denied; choose another with --store DIR",
  ],
];

/**
 * Turns an error of the disk of a store into one that says what to do. Any other error stays as it is.
 *
 * @param act What could not be done: `keep what walk/a/left made`.
 */
export function storageError(error: unknown, act: string, folder: string): unknown {
  const text = messageOf(error);
  const reason = reasons.find(([pattern]) => pattern.test(text))?.[1];
  if (reason === undefined) return error;
  return new StorageError(
    `Cannot ${act} in store "${folder}": ${reason}, then run again: what is done is kept`,
    { cause: error },
  );
}

/** The disk of a store refused to write. */
export class StorageError extends Error {
  override readonly name = "StorageError";
}
