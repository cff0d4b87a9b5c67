/**
 * Bytes that are not well-formed UTF-8: finds, names and replaces them.
 */
import { isUtf8 } from "node:buffer";
import { utf8Length } from "./utf8.ts";

/** Bytes of the well-formed character at `at`; 0 if there is none. */
export function wellFormedLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at];
  if (lead < 0x80) return 1;
  const size = utf8Length(lead);
  if (lead < 0xc2 || lead > 0xf4 || at + size > end) return 0;
  for (let i = 1; i < size; i++) if ((bytes[at + i] & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1];
  if (lead === 0xe0 && second < 0xa0) return 0; // too long a form
  if (lead === 0xed && second >= 0xa0) return 0; // a surrogate
  if (lead === 0xf0 && second < 0x90) return 0;
  if (lead === 0xf4 && second >= 0x90) return 0; // beyond U+10FFFF
  return size;
}

/** The offset of the first byte that is not of well-formed UTF-8; -1 if there is none. */
export function invalidUtf8At(bytes: Uint8Array): number {
  if (isUtf8(bytes)) return -1;
  for (let at = 0, size = 1; at < bytes.length; at += size) {
    size = wellFormedLength(bytes, at, bytes.length);
    if (size === 0) return at;
  }
  return -1;
}

/** The error for bytes that are not all well-formed. */
export function invalidUtf8(bytes: Uint8Array): SyntaxError {
  const at = invalidUtf8At(bytes);
  const found = Array.from(bytes.subarray(at, at + 4), (b) => b.toString(16).padStart(2, "0"));
  return new SyntaxError(
    `Cannot encode text: expected UTF-8, found the bytes ${found.join(" ")} at offset ${at}; ` +
      `"replace" reads each bad byte as U+FFFD`,
  );
}

/** The bytes with U+FFFD in the place of each that is not of well-formed UTF-8. */
export function replaceInvalid(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length * 3);
  let length = 0;
  for (let at = 0; at < bytes.length;) {
    const size = wellFormedLength(bytes, at, bytes.length);
    if (size === 0) {
      out.set([0xef, 0xbf, 0xbd], length);
      length += 3;
      at++;
      continue;
    }
    for (let i = 0; i < size; i++) out[length++] = bytes[at++];
  }
  return out.subarray(0, length);
}

/**
 * The text of bytes; a byte order mark is a character like any other.
 *
 * @param invalid bytes that are not UTF-8: an error, or U+FFFD for each
 * @throws SyntaxError with the offset of the first such byte
 */
export function textOfUtf8(bytes: Uint8Array, invalid: "error" | "replace"): string {
  const isValid = isUtf8(bytes);
  if (!isValid && invalid === "error") throw invalidUtf8(bytes);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return decoder.decode(isValid ? bytes : replaceInvalid(bytes));
}
