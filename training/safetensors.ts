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

const lengthBytes = 8;

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

/**
 * The tensors of a file's bytes, in the order of their names. They fill the data: no two share a byte, and none is left over.
 * @throws StageError naming `file`, and the tensor where one is at fault.
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): Tensors {
  const fail = (what: string, expected: string, found: string, cause?: unknown): never => {
    throw new StageError(`Cannot read ${what} "${file}": expected ${expected}, found ${found}`, {
      cause,
    });
  };
  if (bytes.length < lengthBytes) fail("tensors of", "8 bytes of length", `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  const dataStart = lengthBytes + headerBytes;
  if (dataStart > bytes.length) {
    fail("tensors of", `a header of ${headerBytes} bytes`, `a file of ${bytes.length} bytes`);
  }
  let header: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true });
    header = JSON.parse(text.decode(bytes.subarray(lengthBytes, dataStart)));
  } catch (cause) {
    return fail("tensors of", "a JSON header", "a damaged one", cause);
  }
  if (!isObject(header)) return fail("tensors of", "a JSON header", "one that is no object");
  const names = Object.keys(header).filter((key) => key !== "__metadata__").sort();
  const entries = new Map(names.map((name) => {
    const of = `tensor "${name}" of`;
    const { dtype, shape, data_offsets: range } = isObject(header[name]) ? header[name] : {};
    if (dtype !== "F32") fail(of, "dtype F32", String(dtype));
    if (!isCounts(shape)) return fail(of, "a shape of whole numbers", JSON.stringify(shape));
    if (!isCounts(range) || range.length !== 2) {
      return fail(of, "two data_offsets", JSON.stringify(range));
    }
    const [start, end] = range;
    const size = elements(shape) * 4;
    if (end - start !== size) {
      fail(of, `${size} bytes for shape [${shape.join(", ")}]`, `${end - start}`);
    }
    if (dataStart + end > bytes.length) {
      fail(of, `data up to byte ${dataStart + end}`, `a file of ${bytes.length} bytes`);
    }
    return [name, { shape, start, end }];
  }));
  let filled = 0;
  for (const [name, { start, end }] of [...entries].sort(([, a], [, b]) => a.start - b.start)) {
    if (start !== filled) fail(`tensor "${name}" of`, `data from byte ${filled} on`, `${start}`);
    filled = end;
  }
  if (dataStart + filled !== bytes.length) {
    fail("tensors of", `${filled} bytes of data`, `${bytes.length - dataStart}`);
  }
  return Object.fromEntries([...entries].map(([name, { shape, start, end }]) => {
    // A copy: the tensor's bytes need not lie on a multiple of 4, and must not keep the whole file alive.
    const data = new Float32Array(elements(shape));
    new Uint8Array(data.buffer).set(bytes.subarray(dataStart + start, dataStart + end));
    return [name, { shape, data }];
  }));
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function elements(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}
