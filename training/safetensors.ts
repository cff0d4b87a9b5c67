/**
 * Tensors in a safetensors file: 8 bytes of header length, a JSON header padded with spaces to a multiple of 8, raw data.
 *
 * Written form is canonical: float32 only, tensors in the order of their names, no gaps, no metadata. So equal tensors
 * give equal bytes.
 *
 * Source: https://github.com/huggingface/safetensors, "Format".
 */
import { canonicalJson, type Json, StageError } from "../base/mod.ts";
import { isObject, type Tensors } from "./checkpoint.ts";

/**
 * The bytes of a file that holds `tensors`, part by part: the header, then every tensor's own bytes, uncopied.
 * @throws RangeError when a tensor's data does not fit its shape, before the first part.
 */
export function safetensorsParts(tensors: Tensors): readonly Uint8Array[] {
  const names = Object.keys(tensors).sort();
  const header: Record<string, Json> = {};
  let end = 0;
  for (const name of names) {
    const { shape, data } = tensors[name];
    if (data.length !== elements(shape)) {
      throw new RangeError(
        `Cannot write tensor "${name}": expected ${elements(shape)} values for shape ` +
          `[${shape.join(", ")}], found ${data.length}`,
      );
    }
    const start = end;
    end += data.byteLength;
    header[name] = { dtype: "F32", shape, data_offsets: [start, end] };
  }
  const text = new TextEncoder().encode(canonicalJson(header));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const head = new Uint8Array(lengthBytes + headerBytes).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(headerBytes), true);
  head.set(text, lengthBytes);
  const datas = names.map((name) => tensors[name].data);
  return [
    head,
    ...datas.map((data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ];
}

/** A tensor's place in a file: bytes [start, end) of its data, which begins after the header. */
export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** The bytes of the header's length, and its most: that of the format's own library. */
export const lengthBytes = 8;
export const mostHeaderBytes = 100_000_000;

/**
 * The entries of a header, in the order of their names. They fill the data: no two share a byte, and none is left over. Nothing of
 * the data is read.
 * @param text The header's bytes, without their length.
 * @param widths Bytes of an element by the types that are taken.
 * @throws StageError naming the file, and the tensor where one is at fault.
 */
export function readHeader(
  text: Uint8Array,
  { name: file, bytes: fileBytes }: { readonly name: string; readonly bytes: number },
  widths: Readonly<Record<string, number>>,
): ReadonlyMap<string, TensorEntry> {
  const fail = failureOf(file);
  const dataStart = lengthBytes + text.length;
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch (cause) {
    return fail("tensors of", "a JSON header", "a damaged one", cause);
  }
  if (!isObject(header)) return fail("tensors of", "a JSON header", "one that is no object");
  const names = Object.keys(header).filter((key) => key !== "__metadata__").sort();
  const entries = new Map(names.map((name): [string, TensorEntry] => {
    const of = `tensor "${name}" of`;
    const { dtype, shape, data_offsets: range } = isObject(header[name]) ? header[name] : {};
    if (typeof dtype !== "string" || !Object.hasOwn(widths, dtype)) {
      return fail(of, `dtype ${Object.keys(widths).join(", ")}`, String(dtype));
    }
    if (!isCounts(shape)) return fail(of, "a shape of whole numbers", JSON.stringify(shape));
    if (!isCounts(range) || range.length !== 2) {
      return fail(of, "two data_offsets", JSON.stringify(range));
    }
    const [start, end] = range;
    const size = elements(shape) * widths[dtype];
    if (end - start !== size) {
      fail(of, `${size} bytes for shape [${shape.join(", ")}]`, `${end - start}`);
    }
    if (dataStart + end > fileBytes) {
      fail(of, `data up to byte ${dataStart + end}`, `a file of ${fileBytes} bytes`);
    }
    return [name, { dtype, shape, start, end }];
  }));
  let filled = 0;
  for (const [name, { start, end }] of [...entries].sort(([, a], [, b]) => a.start - b.start)) {
    if (start !== filled) fail(`tensor "${name}" of`, `data from byte ${filled} on`, `${start}`);
    filled = end;
  }
  if (dataStart + filled !== fileBytes) {
    fail("tensors of", `${filled} bytes of data`, `${fileBytes - dataStart}`);
  }
  return entries;
}

/** The bytes of a header, by the first bytes of its file. @throws StageError for a length that no file has */
export function headerLength(
  first: Uint8Array,
  { name: file, bytes }: { readonly name: string; readonly bytes: number },
): number {
  const fail = failureOf(file);
  if (first.length < lengthBytes) fail("tensors of", "8 bytes of length", `${first.length} bytes`);
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (lengthBytes + length > bytes) {
    fail("tensors of", `a header of ${length} bytes`, `a file of ${bytes} bytes`);
  }
  if (length > mostHeaderBytes) {
    fail("tensors of", `a header of at most ${mostHeaderBytes} bytes`, `${length}`);
  }
  return length;
}

/**
 * The tensors of a file's bytes, in the order of their names.
 * @throws StageError naming `file`, and the tensor where one is at fault.
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): Tensors {
  const place = { name: file, bytes: bytes.length };
  const dataStart = lengthBytes + headerLength(bytes.subarray(0, lengthBytes), place);
  const entries = readHeader(bytes.subarray(lengthBytes, dataStart), place, { F32: 4 });
  return Object.fromEntries([...entries].map(([name, { shape, start, end }]) => {
    // A copy: the tensor's bytes need not lie on a multiple of 4, and must not keep the whole file alive.
    const data = new Float32Array(elements(shape));
    new Uint8Array(data.buffer).set(bytes.subarray(dataStart + start, dataStart + end));
    return [name, { shape, data }];
  }));
}

function failureOf(file: string) {
  return (what: string, expected: string, found: string, cause?: unknown): never => {
    throw new StageError(`Cannot read ${what} "${file}": expected ${expected}, found ${found}`, {
      cause,
    });
  };
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function elements(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}
