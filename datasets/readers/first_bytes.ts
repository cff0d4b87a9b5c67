/**
 * What a file is by its first bytes, whatever its name says.
 */
import { DataError } from "./data_error.ts";

/** How data may be packed, and the end of a name that says so. */
export type Packing = "gzip" | "zstd";
const endings: Readonly<Record<Packing, string>> = { gzip: ".gz", zstd: ".zst" };

const magicBytes = 4;
/** How many bytes of text are looked at. */
const startBytes = 4096;
/** So much of the high bytes of UTF-16 are of two values; no text in UTF-8 has a NUL and such a half. */
const highShare = 0.8;

/** Checks the first bytes of a file against its name. @throws DataError when they are not packed as it says */
export function checkPacking(
  start: Uint8Array,
  packing: Packing | undefined,
  fileBytes: number,
): void {
  const found = packingOf(start);
  const isShort = start.length < Math.min(magicBytes, fileBytes); // a chunk may have any size
  if (found === packing || isShort) return;
  const expected = packing === undefined ? "text" : `${packing} data`;
  throw new DataError(
    found === undefined
      ? `expected ${expected}, found plain data, not packed; take "${
        endings[packing!]
      }" off its name`
      : `expected ${expected}, found ${found} data; end its name with "${endings[found]}"`,
  );
}

/** Checks the first bytes of text after unpacking. @throws DataError when they are packed again, or no UTF-8 */
export function checkText(start: Uint8Array): void {
  const packing = packingOf(start);
  if (packing !== undefined) {
    throw new DataError(
      `expected text when unpacked, found ${packing} data: it is packed twice; unpack it once`,
    );
  }
  const encoding = otherEncoding(start.subarray(0, startBytes));
  if (encoding !== undefined) {
    throw new DataError(`expected UTF-8, found ${encoding}; write it as UTF-8`);
  }
}

function packingOf(start: Uint8Array): Packing | undefined {
  const [a, b, c, d] = start;
  if (a === 0x1f && b === 0x8b) return "gzip";
  if (b === 0xb5 && c === 0x2f && d === 0xfd && a === 0x28) return "zstd";
  // A frame that decoders skip: it may come before the first one with data.
  return b === 0x2a && c === 0x4d && d === 0x18 && a >> 4 === 5 ? "zstd" : undefined;
}

/** UTF-16 or UTF-32, by its mark, or without a mark by where its zeros are. */
function otherEncoding(start: Uint8Array): string | undefined {
  const [a, b, c, d] = start;
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return "UTF-32";
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? "UTF-32" : "UTF-16";
  if (a === 0xfe && b === 0xff) return "UTF-16";
  const halves = [0, 1].map((half) => start.filter((_, i) => i % 2 === half));
  const [few, many] = halves.map((bytes) =>
    bytes.filter((byte) => byte === 0).length / bytes.length
  )
    .sort((x, y) => x - y);
  if (many === 1 && few >= 0.4 && few < 1) return "UTF-32";
  return few === 0 && halves.some(isHighHalf) ? "UTF-16" : undefined;
}

/** Whether bytes are the high ones of characters: zero for Latin letters, blanks and line feeds, and one more for a script. */
function isHighHalf(bytes: Uint8Array): boolean {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte]++;
  const zeros = counts[0];
  return zeros > 0 && zeros + Math.max(...counts.subarray(1)) >= highShare * bytes.length;
}
