/**
 * Checks of encoded values before they are decoded: `hyparquet` trusts the counts and lengths that pages declare, so that
 * damaged ones make it run for ever, fill memory, or give wrong values.
 *
 * Source: parquet-format, Encodings.md.
 */
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { DataError } from "./data_error.ts";

/** Writers fill the last bit-packed run up to a multiple of 8 values, some to whole blocks. */
const slackValues = 512;

/**
 * Runs of the RLE and bit-packed hybrid in [start, end) that make `count` values of `width` bits.
 * @throws DataError when they do not.
 */
export function checkRuns(
  view: DataView,
  start: number,
  end: number,
  width: number,
  count: number,
  what: string,
): void {
  if (end > view.byteLength) damaged(`${what} inside the page`, "more");
  if (width > 32) damaged(`${what} of at most 32 bits`, `${width} bits`);
  let at = start;
  for (let seen = 0; seen < count;) {
    let header = 0;
    for (let shift = 0;; shift += 7) {
      if (at >= end || shift > 28) damaged(`${count} ${what}`, seen);
      const byte = view.getUint8(at++);
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const run = Math.floor(header / 2);
    if (run === 0) damaged(`${what} in runs`, "an empty run");
    if (header % 2 === 1) {
      const wanted = Math.min(run * 8, count - seen);
      if (run * 8 > count - seen + slackValues) damaged(`${count} ${what}`, "more");
      // The last run may be cut behind the values that are wanted.
      if (Math.ceil(wanted * width / 8) > end - at) {
        damaged(`${count} ${what}`, "the end of the page");
      }
      at += run * width;
      seen += run * 8;
    } else {
      if (run > count - seen) damaged(`${count} ${what}`, "more");
      at += Math.ceil(width / 8);
      if (at > end) damaged(`${count} ${what}`, "the end of the page");
      seen += run;
    }
  }
}

/** A DELTA_BINARY_PACKED block header for `count` values. @throws DataError */
export function checkDelta(bytes: Uint8Array, at: number, count: number): void {
  const [blockSize, afterBlock] = varint(bytes, at);
  const [miniblocks, afterMiniblocks] = varint(bytes, afterBlock);
  const [total] = varint(bytes, afterMiniblocks);
  if (blockSize === 0 || blockSize % 128 !== 0 || blockSize > 2 ** 20) {
    damaged("a delta block of a multiple of 128 values", blockSize);
  }
  if (miniblocks === 0 || blockSize % miniblocks !== 0 || (blockSize / miniblocks) % 8 !== 0) {
    damaged("delta miniblocks of a multiple of 8 values", `${miniblocks} in ${blockSize}`);
  }
  if (total !== count) damaged(`${count} delta values`, total);
}

/** Prefix and suffix lengths of DELTA_BYTE_ARRAY: a prefix is of the value before. @throws DataError */
export function checkPrefixes(bytes: Uint8Array, count: number, maxBytes: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = { view, offset: 0 };
  const lengths = () => {
    const values = new Int32Array(count);
    checkDelta(bytes, reader.offset, count);
    deltaBinaryUnpack(reader, count, values);
    return values;
  };
  const prefixes = lengths();
  const suffixes = lengths();
  let before = 0;
  let total = 0;
  let stored = 0;
  for (let i = 0; i < count; i++) {
    if (prefixes[i] < 0 || prefixes[i] > before) {
      damaged(`a prefix of at most ${before} bytes for value ${i}`, prefixes[i]);
    }
    if (suffixes[i] < 0) damaged(`a suffix for value ${i}`, `${suffixes[i]} bytes`);
    before = prefixes[i] + suffixes[i];
    total += before;
    stored += suffixes[i];
  }
  if (stored > bytes.length - reader.offset) {
    damaged(`${stored} bytes of suffixes`, bytes.length - reader.offset);
  }
  if (total > maxBytes) damaged(`at most ${maxBytes} bytes in a page`, total);
}

/** Values that may not exceed `max`: levels, and indices of a dictionary. @throws DataError */
export function checkAtMost(values: ArrayLike<number>, max: number, what: string): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!(value >= 0 && value <= max)) damaged(`${what} of at most ${max}`, value);
  }
}

function varint(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let shift = 0; shift <= 28; shift += 7) {
    if (at >= bytes.length) damaged("a delta header", "the end of the page");
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
  return damaged("a delta header", "a number that does not end");
}

function damaged(expected: string, found: string | number): never {
  throw new DataError(`expected ${expected}, found ${found}`);
}
