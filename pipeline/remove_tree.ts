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
