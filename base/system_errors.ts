/**
 * Errors of the operating system as people read them.
 */

/** By their names in POSIX and their numbers on Linux: what was found. */
const meanings: readonly (readonly [name: string, number: number, found: string])[] = [
  ["EPERM", 1, "that permission is denied"],
  ["ENOENT", 2, "nothing there"],
  ["EIO", 5, "that the device fails"],
  ["EACCES", 13, "that permission is denied"],
  ["EBUSY", 16, "that it is in use"],
  ["EEXIST", 17, "something there already"],
  ["ENOTDIR", 20, "a file in place of a folder"],
  ["EISDIR", 21, "a folder"],
  ["EINVAL", 22, "a name that the system does not take"],
  ["ENFILE", 23, "that all programs together have too many open files"],
  ["EMFILE", 24, "a limit on open files (ulimit -n); raise it"],
  ["EFBIG", 27, "a limit on the size of files (ulimit -f); raise it"],
  ["ENOSPC", 28, "it full"],
  ["EROFS", 30, "a read-only file system"],
  ["ENAMETOOLONG", 36, "a name that is too long"],
  ["ENOTEMPTY", 39, "a folder that is not empty"],
  ["ELOOP", 40, "links that lead in a circle"],
  ["EDQUOT", 122, "your quota used up"],
];

interface SystemError {
  /** `ENOSPC`. */
  readonly name: string;
  /** What was found, as part of a sentence. */
  readonly found: string;
  /** The file that was opened, read, made or removed, where the error names it. */
  readonly path?: string;
}

/** What an error of the operating system says; undefined for any other error. */
export function systemError(error: unknown): SystemError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as Error & { readonly code?: unknown };
  const number = Number(/\(os error (\d+)\)/.exec(error.message)?.[1]);
  const known = meanings.find(([name, its]) => name === code || its === number);
  const path = /: \w+ '([^']*)'/.exec(error.message)?.[1];
  if (known !== undefined) {
    return { name: known[0], found: known[2], ...(path !== undefined ? { path } : {}) };
  }
  return Number.isNaN(number) ? undefined : { name: String(code), found: error.message };
}
