/**
 * Removal of a file or a folder.
 */

/** Removes a file or a folder with all that is in it; absent is fine. */
export function removeTree(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes what a later run would remove as well: on a full or read-only disk even that may fail. */
export function removeQuietly(path: string): void {
  try {
    removeTree(path);
  } catch { /* later */ }
}
