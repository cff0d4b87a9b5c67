/**
 * Files that may not be there.
 */

/** The bytes of a file; undefined where there is none. @throws what reading throws for any other reason. */
export function readIfThere(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The same as text. */
export function readTextIfThere(path: string): string | undefined {
  const bytes = readIfThere(path);
  return bytes && new TextDecoder().decode(bytes);
}

/** Whether a path, or what it links to, is a file. Never throws. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
