/**
 * Where JSON values end in a stream of bytes: elements of an array, or values on end.
 */
import type { PieceScanner } from "./pieces.ts";

const code = (character: string) => character.charCodeAt(0);
const quote = code('"');
const backslash = code("\\");
const comma = code(",");
const [openBracket, closeBracket, openBrace, closeBrace] = [..."[]{}"].map(code);

/**
 * A piece is a value with what stands before it: blanks, the array's bracket or a comma. After the array's end there
 * is only a rest.
 * @param isInside whether scanning begins after a value of the array
 */
export function jsonScanner(isArray: boolean, isInside: boolean): PieceScanner {
  /** Whether the array's own bracket has been passed. */
  let isOpen = isInside;
  let isAfterEnd = false;
  let kind: "none" | "nested" | "string" | "scalar" = "none";
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  return (chunk) => {
    const ends: number[] = [];
    const close = (end: number) => {
      ends.push(end);
      kind = "none";
      depth = 0;
    };
    for (let i = 0; i < chunk.length && !isAfterEnd; i++) {
      const byte = chunk[i];
      if (isInString) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) {
          isInString = false;
          if (kind === "string") close(i + 1);
        }
        continue;
      }
      const isBlank = byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
      if (kind === "scalar" && (isBlank || byte === comma || byte === closeBracket)) close(i);
      if (kind === "none") {
        if (isBlank || byte === comma || byte >= 0x80) continue; // bytes from 0x80: a byte order mark
        if (isArray && byte === openBracket && !isOpen) {
          isOpen = true;
          continue;
        }
        if (isArray && byte === closeBracket) {
          isAfterEnd = true;
          continue;
        }
        kind = byte === openBrace || byte === openBracket
          ? "nested"
          : byte === quote
          ? "string"
          : "scalar";
        // A stray bracket is a piece of its own, which does not parse.
        if (byte === closeBracket) close(i + 1);
      }
      if (byte === quote) isInString = true;
      else if (kind === "nested") {
        if (byte === openBrace || byte === openBracket) depth++;
        else if (byte === closeBrace || byte === closeBracket) {
          if (--depth === 0) close(i + 1);
        }
      }
    }
    return ends;
  };
}
