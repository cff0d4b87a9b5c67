/**
 * Checks of unpacked parquet pages before `hyparquet` decodes them: it writes as many values as a run claims to have.
 *
 * Source: parquet-format, Encodings.md ("Run Length Encoding / Bit-Packing Hybrid").
 */
import { DataError } from "./data_error.ts";
import type { LeafColumn } from "./parquet_file.ts";
import { isIndexed, type PageHeader } from "./parquet_headers.ts";

/** Writers fill the last bit-packed run up to a multiple of 8 values, some to whole blocks. */
const slackValues = 512;

/** @param page unpacked; of version 2 without its levels. @throws DataError */
export function checkPage(page: Uint8Array, header: PageHeader, leaf: LeafColumn): void {
  const { kind, values, encoding, v2 } = header;
  if (kind === "DICTIONARY_PAGE") {
    const most = page.length * 8;
    if (values >= 0 && values <= most) return;
    throw new DataError(`expected a dictionary of at most ${most} values, found ${values}`);
  }
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let at = 0;
  /** Runs with their length before them; gives the byte after them. */
  const runs = (width: number, what: string) => {
    if (at + 4 > page.length) throw new DataError(`expected ${what}, found the end of the page`);
    const end = at + 4 + view.getUint32(at, true);
    checkRuns(page, at + 4, end, width, values, what);
    at = end;
  };
  if (v2 === undefined && leaf.maxRepetition > 0) {
    runs(bits(leaf.maxRepetition), "repetition levels");
  }
  if (v2 === undefined && leaf.maxDefinition > 0) {
    runs(bits(leaf.maxDefinition), "definition levels");
  }
  if (at === page.length) return;
  if (isIndexed(header)) checkRuns(page, at + 1, page.length, page[at], values, "indices");
  else if (encoding === "RLE") runs(1, "booleans");
  else if (encoding === "BYTE_STREAM_SPLIT" && (leaf.element.type_length ?? 0) > page.length) {
    throw new DataError(`expected values of at most ${page.length} bytes, found longer ones`);
  }
}

/** Levels of a page of version 2, which come before its data. @throws DataError */
export function checkLevels(stored: Uint8Array, header: PageHeader, leaf: LeafColumn): void {
  const { repetitionBytes, definitionBytes } = header.v2!;
  const end = repetitionBytes + definitionBytes;
  if (!(repetitionBytes >= 0 && definitionBytes >= 0 && end <= stored.length)) {
    throw new DataError(`expected levels inside the page, found ${end} bytes`);
  }
  const { values } = header;
  checkRuns(stored, 0, repetitionBytes, bits(leaf.maxRepetition), values, "repetition levels");
  checkRuns(stored, repetitionBytes, end, bits(leaf.maxDefinition), values, "definition levels");
}

/** Runs in [start, end) of bytes, of values of `width` bits, that make no more than `most` values. @throws DataError */
function checkRuns(
  bytes: Uint8Array,
  start: number,
  end: number,
  width: number,
  most: number,
  what: string,
): void {
  if (end > bytes.length) throw new DataError(`expected ${what} inside the page, found more`);
  if (width > 32) throw new DataError(`expected ${what} of at most 32 bits, found ${width} bits`);
  let seen = 0;
  for (let at = start; at < end && seen < most;) {
    let header = 0;
    for (let factor = 1, byte = 128; byte >= 128 && at < end; factor *= 128) {
      byte = bytes[at++];
      header += (byte & 0x7f) * factor;
    }
    const isPacked = header % 2 === 1;
    const run = Math.floor(header / 2) * (isPacked ? 8 : 1);
    if (run > most - seen + (isPacked ? slackValues : 0)) {
      throw new DataError(`expected at most ${most} ${what}, found more`);
    }
    at += isPacked ? run * width / 8 : Math.ceil(width / 8);
    seen += run;
  }
}

function bits(max: number): number {
  return 32 - Math.clz32(max);
}
