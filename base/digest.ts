/**
 * SHA-256 as lower-case hexadecimal.
 */
import { createHash } from "node:crypto";

/** SHA-256 of bytes, or of the UTF-8 form of a string: 64 hexadecimal digits. */
export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}
