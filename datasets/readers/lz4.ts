/**
 * LZ4 blocks, frames (Arrow) and Hadoop's framing (parquet's codec `LZ4`), with every length checked.
 *
 * Source: LZ4 block format 1.6, frame format 1.6.
 */
import { DataError } from "./data_error.ts";

const frameMagic = 0x184d2204;

/** Unpacks one block to exactly `size` bytes. @throws DataError */
export function lz4Block(input: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  checkRatio(input.length, size);
  const output = new Uint8Array(size);
  const written = unpack(input, output, 0);
  if (written !== size) throw new DataError(`expected ${size} bytes of LZ4, found ${written}`);
  return output;
}

/** Unpacks frames to exactly `size` bytes; checksums are not verified. @throws DataError */
export function lz4Frame(input: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  checkRatio(input.length, size);
  const output = new Uint8Array(size);
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let at = 0;
  let written = 0;
  while (at < input.length) {
    if (input.length - at < 7 || view.getUint32(at, true) !== frameMagic) {
      throw new DataError("expected an LZ4 frame, found other bytes");
    }
    const flags = input[at + 4];
    const [hasBlockSum, hasSize, hasSum, hasDictionary] = [16, 8, 4, 1].map((bit) =>
      (flags & bit) !== 0
    );
    at += 6 + (hasSize ? 8 : 0) + (hasDictionary ? 4 : 0) + 1;
    for (;;) {
      if (at + 4 > input.length) throw new DataError("expected an LZ4 block, found the end");
      const header = view.getUint32(at, true);
      at += 4;
      if (header === 0) break;
      const length = header & 0x7fffffff;
      const block = input.subarray(at, at + length);
      if (block.length < length) throw new DataError("expected a whole LZ4 block, found the end");
      if (header >>> 31 === 1) {
        if (written + length > size) tooLong(size);
        output.set(block, written);
        written += length;
      } else written = unpack(block, output, written);
      at += length + (hasBlockSum ? 4 : 0);
    }
    at += hasSum ? 4 : 0;
  }
  if (written !== size) throw new DataError(`expected ${size} bytes of LZ4, found ${written}`);
  return output;
}

/** Hadoop puts the sizes before each block; files of other writers with the same codec have one bare block. */
export function lz4Hadoop(input: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const blocks: [start: number, packed: number, unpacked: number][] = [];
  let at = 0;
  let total = 0;
  while (at + 8 <= input.length) {
    const [unpacked, packed] = [view.getUint32(at), view.getUint32(at + 4)];
    if (packed > input.length - at - 8 || total + unpacked > size) break;
    blocks.push([at + 8, packed, unpacked]);
    at += 8 + packed;
    total += unpacked;
  }
  if (at !== input.length || total !== size) return lz4Block(input, size);
  const output = new Uint8Array(size);
  let written = 0;
  for (const [start, packed, unpacked] of blocks) {
    output.set(lz4Block(input.subarray(start, start + packed), unpacked), written);
    written += unpacked;
  }
  return output;
}

/** A byte of input makes 255 of output at most: nothing is allocated for a size that cannot be. */
function checkRatio(input: number, size: number): void {
  if (size > input * 255 + 64) {
    throw new DataError(`expected LZ4 data for ${size} bytes, found only ${input} bytes of it`);
  }
}

function tooLong(size: number): never {
  throw new DataError(`expected ${size} bytes of LZ4, found more`);
}

/** Unpacks a block to `output` from `written` on, and gives the place behind it. */
function unpack(input: Uint8Array, output: Uint8Array, written: number): number {
  let at = 0;
  const length = (start: number): number => {
    let sum = start;
    if (start === 15) {
      for (let byte = 255; byte === 255;) {
        if (at >= input.length) throw new DataError("expected an LZ4 length, found the end");
        byte = input[at++];
        sum += byte;
      }
    }
    return sum;
  };
  while (at < input.length) {
    const token = input[at++];
    const literals = length(token >> 4);
    if (at + literals > input.length) throw new DataError("expected LZ4 literals, found the end");
    if (written + literals > output.length) tooLong(output.length);
    output.set(input.subarray(at, at + literals), written);
    at += literals;
    written += literals;
    if (at === input.length) break; // the last sequence has no match
    if (at + 2 > input.length) throw new DataError("expected an LZ4 offset, found the end");
    const offset = input[at] | input[at + 1] << 8;
    at += 2;
    const start = written - offset;
    if (offset === 0 || start < 0) {
      throw new DataError(`expected an LZ4 match, found offset ${offset}`);
    }
    const end = written + length(token & 15) + 4;
    if (end > output.length) tooLong(output.length);
    // A match may overlap what it writes: byte by byte then.
    if (end - written <= offset) {
      output.copyWithin(written, start, start + end - written);
      written = end;
    } else for (let from = start; written < end;) output[written++] = output[from++];
  }
  return written;
}
