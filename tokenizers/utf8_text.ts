/**
 * Text of bytes that may not be UTF-8.
 */
import { invalidUtf8, invalidUtf8At } from "./unigram/invalid_utf8.ts";

/**
 * The text of bytes; a byte order mark is a character like any other.
 *
 * @param invalid bytes that are not UTF-8: an error, or U+FFFD for each
 * @throws SyntaxError with the offset of the first such byte
 */
export function textOfUtf8(bytes: Uint8Array, invalid: "error" | "replace"): string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let [text, rest] = ["", bytes];
  for (let at = invalidUtf8At(rest); at >= 0; at = invalidUtf8At(rest)) {
    if (invalid === "error") throw invalidUtf8(bytes);
    text += decoder.decode(rest.subarray(0, at)) + "\ufffd";
    rest = rest.subarray(at + 1);
  }
  return text + decoder.decode(rest);
}
