/**
 * Pieces of a text file whose ends a scanner finds in the bytes: lines, JSON values, CSV records. Memory holds a chunk and a
 * piece.
 */
import { Buffer } from "node:buffer";
import { formatBytes, StageError } from "../../base/mod.ts";
import type { Input } from "../input.ts";
import { bytesOf } from "./bytes.ts";

/** Where pieces end in a chunk: each index is the byte after one. It remembers where it is from one call to the next. */
export type PieceScanner = (chunk: Uint8Array) => number[];

/** What a piece holds, or why that is no text. */
export type PieceContent = { readonly text: string } | { readonly problem: string };

/** A piece; `end` is the byte after it. What follows the last end is the rest. */
export type Piece = { readonly end: number; readonly isRest: boolean } & PieceContent;

/** A piece as it stands in the file, until the next batch. */
export interface RawPiece {
  readonly end: number;
  readonly isRest: boolean;
  /** It is the file's only line. */
  readonly isOnlyLine: boolean;
  /** Of a line without its line feed; undefined where they are too many. */
  readonly bytes: Uint8Array | undefined;
}

/** Pieces that end in one chunk. */
interface RawPieces {
  readonly pieces: readonly RawPiece[];
  /** The last pieces, from number `firstWhole` on, as they stand side by side in the chunk. */
  readonly whole: Uint8Array;
  readonly firstWhole: number;
}

const lineFeed = 0x0a;

/** A piece ends after its LF. Pieces that this scanner finds come without LF or CRLF. */
export function lines(chunk: Uint8Array): number[] {
  const ends: number[] = [];
  for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) {
    ends.push(at + 1);
  }
  return ends;
}

/** Fatal: a replacement character would be a guess. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Pieces in batches, one for each chunk that ends some. The rest comes last; of lines only where it is not empty.
 *
 * A name that ends in `.gz` or `.zst` is compressed. A byte order mark at the start of the file is dropped.
 * @param from the byte, after decompression, at which a piece starts
 * @throws StageError when the file cannot be read, or compressed data is damaged or cut short.
 */
export async function* piecesOf(
  input: Input,
  scan: PieceScanner,
  maxBytes: number,
  from = 0,
): AsyncGenerator<Piece[]> {
  const isLines = scan === lines;
  let isStart = from === 0;
  for await (const { pieces, whole, firstWhole } of rawPiecesOf(input, scan, maxBytes, from)) {
    // One decoding for all lines of a chunk is several times as fast as one each.
    const texts = isLines && whole.length <= maxBytes
      ? decodeOrNull(whole)?.split("\n")
      : undefined;
    yield pieces.map((raw, i): Piece => {
      const content = contentOf(raw, maxBytes, isLines, isStart, texts?.[i - firstWhole]);
      if ("text" in content) isStart = false;
      if (raw.isOnlyLine) checkLineEnds(input.name, content);
      return { end: raw.end, isRest: raw.isRest, ...content };
    });
  }
}

/**
 * What a piece holds.
 * @param isStart it is the file's first, where a byte order mark may stand
 * @param decoded its text where that is known
 */
export function contentOf(
  { bytes }: RawPiece,
  maxBytes: number,
  isLine: boolean,
  isStart: boolean,
  decoded?: string,
): PieceContent {
  if (bytes === undefined) {
    const limit = formatBytes(maxBytes);
    return { problem: `expected a row of at most ${limit}, found a longer one` };
  }
  const text = decoded ?? decodeOrNull(bytes);
  if (text === null) return { problem: `expected UTF-8, found ${describeInvalid(bytes)}` };
  const start = isStart && text.charCodeAt(0) === 0xfeff ? 1 : 0;
  return { text: text.slice(start, isLine && text.endsWith("\r") ? -1 : undefined) };
}

/** The same as bytes. */
export async function* rawPiecesOf(
  input: Input,
  scan: PieceScanner,
  maxBytes: number,
  from = 0,
): AsyncGenerator<RawPieces> {
  const isLines = scan === lines;
  let isOneLine = isLines && from === 0;
  let offset = from;
  /** The start of a piece whose end is in a later chunk; given up once it is too long. */
  let held: Uint8Array[] = [];
  let heldBytes = 0;

  const raw = (end: number, bytes: Uint8Array, size = bytes.length): RawPiece => ({
    end,
    isRest: false,
    isOnlyLine: false,
    bytes: size > maxBytes ? undefined : bytes,
  });
  const hold = (bytes: Uint8Array) => {
    heldBytes += bytes.length;
    if (heldBytes > maxBytes) held = [];
    else if (bytes.length > 0) held.push(bytes.slice());
  };
  const release = (end: number): RawPiece => {
    const piece = raw(end, Buffer.concat(held), heldBytes);
    held = [];
    heldBytes = 0;
    return piece;
  };

  for await (const chunk of bytesOf(input, from)) {
    const ends = scan(chunk);
    const pieces: RawPiece[] = [];
    let start = 0;
    /** The bytes of the piece that ends there, which its line feed may not belong to. */
    const upTo = (end: number) => chunk.subarray(start, isLines ? end - 1 : end);
    if (heldBytes > 0 && ends.length > 0) {
      const end = ends.shift()!;
      hold(upTo(end));
      pieces.push(release(offset + end));
      start = end;
    }
    const [firstWhole, whole] = [pieces.length, chunk.subarray(start, ends.at(-1) ?? start)];
    for (const end of ends) {
      pieces.push(raw(offset + end, upTo(end)));
      start = end;
    }
    hold(chunk.subarray(start));
    offset += chunk.length;
    if (pieces.length === 0) continue;
    isOneLine = false;
    yield { pieces, whole, firstWhole };
  }
  if (heldBytes === 0 && isLines) return;
  const rest: RawPiece = { ...release(offset), isRest: true, isOnlyLine: isOneLine };
  yield { pieces: [rest], whole: new Uint8Array(), firstWhole: 1 };
}

/** Checks the only piece of a file. @throws StageError where lines end in CR alone: all of them would be one */
export function checkLineEnds(file: string, piece: PieceContent): void {
  if (!("text" in piece && /\r(?!\n|$)/.test(piece.text))) return;
  throw new StageError(
    `Cannot read "${file}": expected lines that end in LF or CR LF, found CR alone; write it with LF`,
  );
}

function decodeOrNull(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Where a piece stops being UTF-8: the first byte of the first sequence that is none. */
function describeInvalid(bytes: Uint8Array): string {
  const decodes = (length: number, stream: boolean) => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length), { stream });
      return true;
    } catch {
      return false;
    }
  };
  // In streaming mode a sequence that the end of a prefix cuts is no error yet, so prefixes can be bisected.
  let [valid, invalid] = [0, bytes.length + 1];
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (decodes(middle, true)) valid = middle;
    else invalid = middle;
  }
  while (!decodes(valid, false)) valid--;
  return `byte 0x${bytes[valid].toString(16).padStart(2, "0")} at offset ${valid} of the row`;
}
