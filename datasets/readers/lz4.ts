/**
 * LZ4 blocks, and the frames of Arrow, by `hyparquet-compressors`. The library does not say how many
 * bytes it wrote, nor whether a block was whole: so the length of each block is counted before.
 *
 * Source: LZ4 block format 1.6, frame format 1.6.
 */
import { decompressLz4, decompressLz4Raw } from "hyparquet-compressors";
import { DataError } from "./data_error.ts";

const frameMagic = 0x184d2204;

/** Unpacks one block to exactly `size` bytes. @throws DataError */
export function lz4Block(input: Uint8Array, size: number): Uint8Array {
  expectSize(unpackedBytes(input), size);
  return decompressLz4Raw(input, size);
}

/**
 * Unpacks a frame to exactly `size` bytes; checksums are not verified. Its blocks may refer to each other. The library
 * allows that in Hadoop's framing, which has the two lengths before each block.
 * @throws DataError
 */
export function lz4Frame(input: Uint8Array, size: number): Uint8Array {
  const blocks = frameBlocks(input);
  const framed = new Uint8Array(blocks.reduce((sum, { length }) => sum + 8 + length, 0));
  const view = new DataView(framed.buffer);
  let total = 0;
  let at = 0;
  for (const block of blocks) {
    const unpacked = unpackedBytes(block);
    total += unpacked;
    view.setUint32(at, unpacked);
    view.setUint32(at + 4, block.length);
    framed.set(block, at + 8);
    at += 8 + block.length;
  }
  expectSize(total, size);
  return size === 0 ? new Uint8Array() : decompressLz4(framed, size);
}

function frameBlocks(input: Uint8Array): Uint8Array[] {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < input.length;) {
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
      blocks.push(header >>> 31 === 1 ? asLiterals(block) : block);
      at += length + (hasBlockSum ? 4 : 0);
    }
    at += hasSum ? 4 : 0;
  }
  return blocks;
}

/** Bytes that a frame has as they are, as a block: literals alone. */
function asLiterals(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 15) return Uint8Array.of(bytes.length << 4, ...bytes);
  const more = bytes.length - 15;
  const lengths = [...new Array(Math.floor(more / 255)).fill(255), more % 255];
  const block = new Uint8Array(1 + lengths.length + bytes.length);
  block[0] = 15 << 4;
  block.set(lengths, 1);
  block.set(bytes, 1 + lengths.length);
  return block;
}

/** How many bytes a block makes. @throws DataError when it ends inside a sequence */
function unpackedBytes(input: Uint8Array): number {
  let at = 0;
  const length = (start: number): number => {
    let sum = start;
    for (let byte = start === 15 ? 255 : 0; byte === 255; sum += byte) {
      if (at >= input.length) throw new DataError("expected an LZ4 length, found the end");
      byte = input[at++];
    }
    return sum;
  };
  let bytes = 0;
  while (at < input.length) {
    const token = input[at++];
    const literals = length(token >> 4);
    bytes += literals;
    at += literals;
    if (at === input.length) break; // the last sequence has no match
    if (at + 2 > input.length) throw new DataError("expected an LZ4 offset, found the end");
    at += 2;
    bytes += length(token & 15) + 4;
  }
  return bytes;
}

function expectSize(found: number, size: number): void {
  if (found !== size) throw new DataError(`expected ${size} bytes of LZ4, found ${found}`);
}
