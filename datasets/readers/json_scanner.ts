/**
 * Where JSON values end in a stream of bytes: elements of an array, or values on end.
 */
import type { SegmentScanner } from "./segments.ts";

const code = (character: string) => character.charCodeAt(0);
const quote = code('"');
const backslash = code("\\");
const comma = code(",");
const [openBracket, closeBracket, openBrace, closeBrace] = [..."[]{}"].map(code);

/**
 * A piece is a value with what stands before it: blanks, the array's bracket or a comma. After the array's end there
 * is only a rest.
 */
export class JsonValueScanner implements SegmentScanner {
  readonly #isArray: boolean;
  /** Whether the array's own bracket has been passed. */
  #isOpen: boolean;
  #isAfterEnd = false;
  #kind: "none" | "nested" | "string" | "scalar" = "none";
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /** @param isInside whether scanning begins after a value of the array */
  constructor(isArray: boolean, isInside: boolean) {
    this.#isArray = isArray;
    this.#isOpen = isInside;
  }

  end(chunk: Uint8Array, at: number): number {
    if (this.#isAfterEnd) return -1;
    for (let i = at; i < chunk.length; i++) {
      const byte = chunk[i];
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === backslash) this.#isEscaped = true;
        else if (byte === quote) {
          this.#isInString = false;
          if (this.#kind === "string") return this.#close(i + 1);
        }
        continue;
      }
      const isBlank = byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
      if (this.#kind === "none") {
        if (isBlank || byte === comma || byte >= 0x80) continue; // bytes from 0x80: a byte order mark
        if (this.#isArray && byte === openBracket && !this.#isOpen) {
          this.#isOpen = true;
          continue;
        }
        if (this.#isArray && byte === closeBracket) {
          this.#isAfterEnd = true;
          return -1;
        }
        this.#kind = byte === openBrace || byte === openBracket
          ? "nested"
          : byte === quote
          ? "string"
          : "scalar";
      }
      if (byte === quote) this.#isInString = true;
      else if (this.#kind === "nested") {
        if (byte === openBrace || byte === openBracket) this.#depth++;
        else if (byte === closeBrace || byte === closeBracket) {
          if (--this.#depth === 0) return this.#close(i + 1);
        }
      } else if (isBlank || byte === comma || byte === closeBracket) {
        // A scalar ends before the next such byte; a stray bracket is a piece of its own, which does not parse.
        return this.#close(i === at ? i + 1 : i);
      }
    }
    return -1;
  }

  #close(end: number): number {
    this.#kind = "none";
    this.#depth = 0;
    return end;
  }
}
