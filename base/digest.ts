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
  using file = Deno.openSync(path);
  const buffer = new Uint8Array(bufferBytes);
  for (let n = file.readSync(buffer); n !== null; n = file.readSync(buffer)) {
    hash.update(buffer.subarray(0, n));
  }
  return hash.digest("hex");
}
