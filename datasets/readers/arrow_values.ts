/**
 * Columns that `apache-arrow` has read, as plain values, exact.
 *
 * The library leaves out what a buffer does not have, and it rounds moments and decimals. So each buffer is checked for the
 * length that it must have, and values are taken from the buffers.
 */
import {
  type Data,
  DataType,
  DateUnit,
  IntervalUnit,
  Precision,
  type Union,
  UnionMode,
  util,
  type Vector,
} from "apache-arrow";
import { formatBytes } from "../../base/mod.ts";
import { maxBufferBytes } from "./arrow_codecs.ts";
import { DataError } from "./data_error.ts";
import { uniqueNames } from "./documents.ts";
import { decimalOf, instant } from "./moments.ts";

export type Values = readonly unknown[];

/** Turns columns into values. It keeps the values of dictionaries, as many batches share them. */
export class ColumnDecoder {
  readonly #dictionaries = new WeakMap<Vector, Values>();

  /** A bigint for 64 bits, a `Date` where that is exact, a map as pairs, null for what is missing. @throws DataError */
  values(data: Data): Values {
    const { type, length } = data;
    if (DataType.isNull(type)) return new Array(length).fill(null);
    if (DataType.isDictionary(type)) return this.#words(data);
    if (DataType.isStruct(type)) return this.#structs(data);
    if (DataType.isUnion(type)) return this.#unions(data, type);
    if (data.children.length > 0) return this.#lists(data);
    if (DataType.isBinaryView(type) || DataType.isUtf8View(type)) return views(data);
    return data.valueOffsets === undefined ? fixed(data) : binary(data);
  }

  #words(data: Data): Values {
    const { dictionary } = data;
    if (dictionary === undefined) throw new DataError("expected a dictionary, found none");
    let words = this.#dictionaries.get(dictionary);
    if (words === undefined) {
      words = dictionary.data.flatMap((part) => this.values(part));
      this.#dictionaries.set(dictionary, words);
    }
    const indices = buffer(data);
    return mapped(data, (i) => {
      const at = Number(indices[i]);
      if (at >= 0 && at < words.length) return words[at];
      throw new DataError(`expected an index below ${words.length}, found ${at}`);
    });
  }

  #structs(data: Data): Values {
    const names = uniqueNames(namesOf(data.type.children));
    const columns = data.children.map((child) => this.values(child));
    for (const column of columns) atLeast(column.length, data.length, "values of a struct");
    return mapped(
      data,
      (i) => Object.fromEntries(names.map((name, c) => [name, columns[c][i]])),
    );
  }

  #unions(data: Data, type: Union): Values {
    const { typeIds, length } = data;
    const columns = data.children.map((child) => this.values(child));
    const isDense = type.mode === UnionMode.Dense;
    atLeast(typeIds.length, length, "kinds of a union");
    if (isDense) atLeast(data.valueOffsets.length, length, "offsets of a union");
    return Array.from({ length }, (_, i) => {
      const column = columns[type.typeIdToChildIndex[typeIds[i]]];
      const at = isDense ? data.valueOffsets[i] : i;
      if (column !== undefined && at >= 0 && at < column.length) return column[at];
      throw new DataError(`expected value ${i} in a child of the union, found none`);
    });
  }

  #lists(data: Data): Values {
    const { type, length, children: [child] } = data;
    const values = this.values(child);
    if (DataType.isFixedSizeList(type)) {
      const { listSize } = type;
      atLeast(values.length, length * listSize, "values of lists");
      return mapped(data, (i) => values.slice(i * listSize, (i + 1) * listSize));
    }
    const offsets = offsetsOf(data);
    atLeast(values.length, offsets[length], "values of lists");
    if (!DataType.isMap(type)) {
      return mapped(data, (i) => values.slice(offsets[i], offsets[i + 1]));
    }
    // A map as pairs: keys may be of any type.
    return mapped(data, (i) => {
      const entries = values.slice(offsets[i], offsets[i + 1]);
      return entries.map((entry) => Object.values(entry ?? { key: null, value: null }));
    });
  }
}

/** Names of fields; the library has null for an empty one. */
export function namesOf(fields: readonly { readonly name: string | null }[]): string[] {
  return fields.map(({ name }) => name ?? "");
}

/** Values of one width. */
function fixed(data: Data): Values {
  const { type, stride } = data;
  const values = buffer(data);
  if (DataType.isBool(type)) return mapped(data, (i) => bitAt(values, i));
  if (DataType.isFloat(type) && type.precision === Precision.HALF) {
    return mapped(data, (i) => util.uint16ToFloat64(values[i]));
  }
  if (DataType.isDecimal(type)) {
    return mapped(data, (i) => decimalOf(wide(values, i * stride, stride), type.scale));
  }
  if (DataType.isDate(type)) {
    return type.unit === DateUnit.DAY
      ? mapped(data, (i) => instant(BigInt(values[i]) * 86_400n, 0))
      : mapped(data, (i) => instant(values[i], 3));
  }
  if (DataType.isTimestamp(type)) return mapped(data, (i) => instant(values[i], 3 * type.unit));
  if (DataType.isFixedSizeBinary(type)) {
    return mapped(data, (i) => values.slice(i * stride, (i + 1) * stride));
  }
  if (DataType.isInterval(type) && type.unit === IntervalUnit.DAY_TIME) {
    return mapped(data, (i) => ({ days: values[2 * i], milliseconds: values[2 * i + 1] }));
  }
  if (DataType.isInterval(type) && type.unit === IntervalUnit.MONTH_DAY_NANO) {
    return mapped(data, (i) => ({
      months: values[4 * i],
      days: values[4 * i + 1],
      nanoseconds: wide(values, 4 * i + 2, 2),
    }));
  }
  return mapped(data, (i) => values[i]); // numbers, times, durations, months
}

/** Text or bytes by offsets. */
function binary(data: Data): Values {
  const isText = DataType.isUtf8(data.type) || DataType.isLargeUtf8(data.type);
  const offsets = offsetsOf(data);
  atLeast(data.values.length, offsets[data.length], "bytes of data");
  return mapped(data, (i) => cell(data.values.subarray(offsets[i], offsets[i + 1]), isText, i));
}

/** Up to 12 bytes stand in the view itself; longer values are places in further buffers, which views may share. */
function views(data: Data): Values {
  const isText = DataType.isUtf8View(data.type);
  const bytes: Uint8Array = buffer(data);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let total = 0;
  return mapped(data, (i) => {
    const size = view.getInt32(i * 16, true);
    total += size;
    if (size < 0 || total > maxBufferBytes) {
      throw new DataError(`expected views of at most ${formatBytes(maxBufferBytes)}, found more`);
    }
    if (size <= 12) return cell(bytes.subarray(i * 16 + 4, i * 16 + 4 + size), isText, i);
    const shared = data.variadicBuffers[view.getInt32(i * 16 + 8, true)];
    const offset = view.getInt32(i * 16 + 12, true);
    if (shared === undefined || offset < 0 || offset + size > shared.length) {
      throw new DataError(`expected view ${i} inside its buffer, found ${size} bytes at ${offset}`);
    }
    return cell(shared.subarray(offset, offset + size), isText, i);
  });
}

/** A value for each row, null where the column has none. */
function mapped(data: Data, read: (i: number) => unknown): Values {
  const { length, nullBitmap, nullCount } = data;
  if (nullCount === 0) return Array.from({ length }, (_, i) => read(i));
  atLeast(nullBitmap.length * 8, length, "bits of validity");
  return Array.from({ length }, (_, i) => bitAt(nullBitmap, i) ? read(i) : null);
}

/** The buffer of a column whose values have one width. @throws DataError when it is too short */
function buffer({ type, values, length, stride }: Data) {
  const perEntry = DataType.isBool(type) ? 1 / 8 : stride;
  atLeast(values?.length ?? 0, Math.ceil(length * perEntry), "entries of data");
  return values;
}

/** `length + 1` places that ascend from row to row. */
function offsetsOf({ valueOffsets, length }: Data): readonly number[] {
  // Old writers leave the offsets of an empty column out.
  if (length === 0 && valueOffsets.length === 0) return [0];
  atLeast(valueOffsets.length, length + 1, "offsets");
  let before = 0;
  return Array.from({ length: length + 1 }, (_, i) => {
    const offset = Number(valueOffsets[i]);
    if (offset < before) {
      throw new DataError(`expected offsets that ascend, found ${offset} after ${before}`);
    }
    return before = offset;
  });
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function cell(bytes: Uint8Array, isText: boolean, row: number): string | Uint8Array {
  if (!isText) return bytes.slice();
  try {
    return decoder.decode(bytes);
  } catch {
    throw new DataError(`expected UTF-8 in value ${row}, found other bytes`);
  }
}

/** A signed integer of any width: words of 32 bits, the lowest first. */
function wide(words: Int32Array | Uint32Array, at: number, count: number): bigint {
  let value = 0n;
  for (let i = count - 1; i >= 0; i--) value = value << 32n | BigInt(words[at + i] >>> 0);
  return BigInt.asIntN(32 * count, value);
}

function bitAt(bits: Uint8Array, i: number): boolean {
  return (bits[i >> 3] >> (i & 7) & 1) === 1;
}

/** @throws DataError when less was found than there must be */
function atLeast(found: number, expected: number, what: string): void {
  if (!(found >= expected)) throw new DataError(`expected ${expected} ${what}, found ${found}`);
}
