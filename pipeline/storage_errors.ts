/**
 * Errors of the disk of a store as messages for users: it is full, it is read-only, writing is not allowed.
 */
import { systemError } from "../base/mod.ts";

/** By the name of the system's error, what was expected. Errors that are not listed may be defects of this program. */
const expected: Readonly<Record<string, string>> = {
  ENOSPC: "room on its disk",
  EDQUOT: "room on its disk",
  EFBIG: "that files may grow",
  EMFILE: "to open one more file",
  ENFILE: "to open one more file",
  EROFS: "a folder to write to",
  EACCES: "a folder to write to",
  EPERM: "a folder to write to",
  ENOTDIR: "a folder to write to",
  ENAMETOOLONG: "a folder to write to",
  ELOOP: "a folder to write to",
  EIO: "a folder to write to",
};

const waysOut: Readonly<Record<string, string>> = {
  "room on its disk": "; free some (deno task pipeline gc, or other files)",
  "a folder to write to": "; choose another with --store DIR",
};

/**
 * Turns an error of the disk of a store into one that says what to do. Any other error stays as it is.
 *
 * @param act What could not be done: `keep what walk/a/left made`.
 */
export function storageError(error: unknown, act: string, folder: string): unknown {
  const { name = "", found } = systemError(error) ?? {};
  const wish = expected[name];
  if (wish === undefined) return error;
  return new StorageError(
    `Cannot ${act} in store "${folder}": expected ${wish}, found ${found}${
      waysOut[wish] ?? ""
    }, then run again: what is done is kept`,
    { cause: error },
  );
}

/** Whether an error says that the disk is full. */
export function isOutOfRoom(error: unknown): boolean {
  return expected[systemError(error)?.name ?? ""] === expected.ENOSPC;
}

/** The disk of a store refused to write. */
export class StorageError extends Error {
  override readonly name = "StorageError";
}
