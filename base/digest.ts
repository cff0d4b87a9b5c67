/**
 * SHA-256 as lower-case hexadecimal.
 */
import { createHash } from "node:crypto";

/** SHA-256 of bytes, or of the UTF-8 form of a string: 64 hexadecimal digits. */
export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Bytes of a file that are read at a time. */
const bufferBytes = 4 << 20;

/** SHA-256 of a file's content. @throws Deno.errors.NotFound and others as reading does. */
export function sha256OfFile(path: string): string {
  const hash = createHash("sha256");
  for (const part of partsOfFile(path)) hash.update(part);
  return hash.digest("hex");
}

/** The same; undefined where there is no such file. */
export function digestIfThere(path: string): string | undefined {
  try {
    return sha256OfFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The bytes of a file, part by part; each is gone when the next is asked for. @throws as reading does. */
export function* partsOfFile(path: string): Generator<Uint8Array> {
  using file = Deno.openSync(path);
  const buffer = new Uint8Array(bufferBytes);
  for (let n = file.readSync(buffer); n !== null; n = file.readSync(buffer)) {
    yield buffer.subarray(0, n);
  }
}
