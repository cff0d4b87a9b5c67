/**
 * Learned pieces and how pieces are written.
 */
import { Buffer } from "node:buffer";
import { writtenSpace } from "./segments.ts";

/** A learned piece. Its text has real spaces; in files a space is `▁`. */
export interface UnigramPiece {
  readonly text: string;
  /** Natural logarithm of its probability: at most 0, which only a piece alone has. */
  readonly logProb: number;
}

/** The piece of a byte: `<0x0A>`. */
export function byteName(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** How vocabularies write the 256 bytes: as we do, and as BPE on bytes does. */
export function byteNames(): readonly (readonly string[])[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  // GPT-2's characters: printable ones stand for themselves, the others come from U+0100 on.
  let next = 256;
  const isPrintable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  return [
    bytes.map(byteName),
    bytes.map((byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++)),
  ];
}

/** A text as pieces are written: ` the` is `▁the`. */
export function written(text: string): string {
  return text.replaceAll(" ", String.fromCharCode(writtenSpace));
}

/** The text of a written piece. */
export function unwritten(piece: string): string {
  return piece.replaceAll(String.fromCharCode(writtenSpace), " ");
}

/** A piece as a part of a line: control characters of ASCII as escapes, `\u000a`. */
export function onOneLine(piece: string): string {
  return piece.replace(
    // deno-lint-ignore no-control-regex -- these are looked for
    /[\0-\x1f\x7f]/g,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The order of a vocabulary: likeliest first, ties by UTF-8 bytes. */
export function comparePieces(a: UnigramPiece, b: UnigramPiece): number {
  if (a.logProb !== b.logProb) return b.logProb - a.logProb;
  return Buffer.compare(Buffer.from(a.text), Buffer.from(b.text));
}

/** What is wrong with pieces as the learned part of a vocabulary: the first bad one, what was expected and found. */
export function findBadPiece(
  pieces: readonly UnigramPiece[],
): { index: number; expected: string; found: string } | undefined {
  const seen = new Set<string>();
  for (const [index, piece] of pieces.entries()) {
    const { text, logProb } = piece;
    const quoted = JSON.stringify(written(text));
    if (text === "" || !text.isWellFormed() || text.includes(String.fromCharCode(writtenSpace))) {
      return { index, expected: "a piece of well-formed text", found: quoted };
    }
    if (!(logProb <= 0 && Number.isFinite(logProb))) {
      return { index, expected: "a log probability of at most 0", found: `${logProb}` };
    }
    if (seen.has(text)) return { index, expected: "pieces that differ", found: `${quoted} again` };
    if (index > 0 && comparePieces(pieces[index - 1], piece) > 0) {
      const expected = "pieces by descending log probability, ties by their bytes";
      return { index, expected, found: `${quoted} after a piece that belongs behind it` };
    }
    seen.add(text);
  }
  return undefined;
}
