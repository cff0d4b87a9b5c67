/**
 * Columns of an Arrow record batch as plain values.
 *
 * Every buffer is checked against the length that it must have, so that damaged batches end in an error.
 * Source: Arrow columnar format 1.5, "Physical Memory Layout".
 */
import { formatBytes } from "../../base/mod.ts";
import {
  atLeast,
  BatchBuffers,
  bitAt,
  maxBufferBytes,
  maxColumnValues,
  viewOf,
} from "./arrow_buffers.ts";
import type { BatchHeader } from "./arrow_messages.ts";
import type { ArrowField, ArrowType } from "./arrow_schema.ts";
import { DataError } from "./data_error.ts";
import { count } from "./flatbuffer.ts";
import { decimalOf, instant } from "./moments.ts";

export type Values = readonly unknown[];

/** Decodes the columns of one batch, in the order of the schema: nodes and buffers are taken one after another. */
export class BatchDecoder {
  readonly #batch: BatchHeader;
  readonly #buffers: BatchBuffers;
  readonly #isLittle: boolean;
  readonly #dictionaries: ReadonlyMap<number, Values>;

  constructor(
    batch: BatchHeader,
    body: Uint8Array<ArrayBuffer>,
    isLittleEndian: boolean,
    dictionaries: ReadonlyMap<number, Values>,
  ) {
    this.#batch = batch;
    this.#buffers = new BatchBuffers(batch, body);
    this.#isLittle = isLittleEndian;
    this.#dictionaries = dictionaries;
  }

  /** The values of the next field. @throws DataError */
  column(field: ArrowField): Values {
    const { length } = this.#buffers.node();
    if (field.dictionary === undefined) return this.#values(field.type, field.children, length);
    const { id, bits, isSigned } = field.dictionary;
    const validity = this.#buffers.validity(length);
    const indices = this.#integers(bits, isSigned, length, validity);
    const values = this.#dictionaries.get(id);
    if (values === undefined) throw new DataError(`expected dictionary ${id}, found none`);
    return indices.map((index) => {
      if (index === null) return null;
      const at = Number(index);
      if (at >= 0 && at < values.length) return values[at];
      throw new DataError(`expected an index below ${values.length}, found ${index}`);
    });
  }

  #values(type: ArrowType, children: readonly ArrowField[], length: number): Values {
    switch (type.kind) {
      case "null":
        return new Array(length).fill(null);
      case "int":
        return this.#integers(type.bits, type.isSigned, length, this.#buffers.validity(length));
      case "float":
        return this.#fixed(length, type.bits / 8, (view, at) => {
          if (type.bits === 64) return view.getFloat64(at, this.#isLittle);
          if (type.bits === 32) return view.getFloat32(at, this.#isLittle);
          return half(view.getUint16(at, this.#isLittle));
        });
      case "bool": {
        const validity = this.#buffers.validity(length);
        const bits = this.#buffers.data(Math.ceil(length / 8));
        return Array.from({ length }, (_, i) => validity(i) ? bitAt(bits, i) : null);
      }
      case "decimal":
        return this.#fixed(
          length,
          type.bits / 8,
          (view, at) => decimalOf(this.#wide(view, at, type.bits), type.scale),
        );
      case "date":
        return this.#fixed(
          length,
          type.isDays ? 4 : 8,
          (view, at) =>
            type.isDays
              ? instant(BigInt(view.getInt32(at, this.#isLittle)) * 86_400n, 0)
              : instant(view.getBigInt64(at, this.#isLittle), 3),
        );
      case "timestamp":
        return this.#fixed(
          length,
          8,
          (view, at) => instant(view.getBigInt64(at, this.#isLittle), type.digits),
        );
      case "time":
      case "duration":
        return this.#integers(type.bits, true, length, this.#buffers.validity(length));
      case "interval":
        return this.#intervals(type.unit, length);
      case "binary":
        return this.#binary(type.isText, type.isLarge, length);
      case "view":
        return this.#views(type.isText, length);
      case "fixed-binary": {
        const { bytes } = type;
        if (bytes === 0) {
          const validity = this.#buffers.validity(length);
          this.#buffers.data(0);
          return Array.from({ length }, (_, i) => validity(i) ? new Uint8Array() : null);
        }
        return this.#fixed(
          length,
          bytes,
          (view, at) =>
            new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + at, bytes).slice(),
        );
      }
      case "list":
        return this.#lists(type, children[0], length);
      case "list-view":
        return this.#listViews(type.isLarge, children[0], length);
      case "fixed-list": {
        const validity = this.#buffers.validity(length);
        const { size } = type;
        const values = this.column(children[0]);
        atLeast(values.length, length * size, "values of lists");
        return Array.from(
          { length },
          (_, i) => validity(i) ? values.slice(i * size, (i + 1) * size) : null,
        );
      }
      case "struct": {
        const validity = this.#buffers.validity(length);
        const columns = children.map((child) => [child.name, this.column(child)] as const);
        for (const [, values] of columns) {
          atLeast(values.length, length, "values of a struct");
        }
        return Array.from(
          { length },
          (_, i) =>
            validity(i)
              ? Object.fromEntries(columns.map(([name, values]) => [name, values[i]]))
              : null,
        );
      }
      case "union":
        return this.#union(type, children, length);
      case "run-end":
        return this.#runs(children, length);
      default:
        return type satisfies never;
    }
  }

  #integers(bits: number, isSigned: boolean, length: number, validity: (i: number) => boolean) {
    const bytes = bits / 8;
    const view = viewOf(this.#buffers.data(length * bytes));
    const little = this.#isLittle;
    const read = {
      8: (at: number) => isSigned ? view.getInt8(at) : view.getUint8(at),
      16: (at: number) => isSigned ? view.getInt16(at, little) : view.getUint16(at, little),
      32: (at: number) => isSigned ? view.getInt32(at, little) : view.getUint32(at, little),
      64: (at: number) => isSigned ? view.getBigInt64(at, little) : view.getBigUint64(at, little),
    }[bits as 8 | 16 | 32 | 64];
    return Array.from({ length }, (_, i) => validity(i) ? read(i * bytes) : null);
  }

  #fixed<T>(length: number, bytes: number, read: (view: DataView, at: number) => T): (T | null)[] {
    const validity = this.#buffers.validity(length);
    const view = viewOf(this.#buffers.data(length * bytes));
    return Array.from({ length }, (_, i) => validity(i) ? read(view, i * bytes) : null);
  }

  #intervals(unit: "months" | "days" | "nanoseconds", length: number): Values {
    const little = this.#isLittle;
    if (unit === "months") return this.#integers(32, true, length, this.#buffers.validity(length));
    if (unit === "days") {
      return this.#fixed(length, 8, (view, at) => ({
        days: view.getInt32(at, little),
        milliseconds: view.getInt32(at + 4, little),
      }));
    }
    return this.#fixed(length, 16, (view, at) => ({
      months: view.getInt32(at, little),
      days: view.getInt32(at + 4, little),
      nanoseconds: view.getBigInt64(at + 8, little),
    }));
  }

  #binary(isText: boolean, isLarge: boolean, length: number): Values {
    const validity = this.#buffers.validity(length);
    const offsets = this.#offsets(length, isLarge);
    const data = this.#buffers.data(offsets[length]);
    return Array.from(
      { length },
      (_, i) => validity(i) ? cell(data.subarray(offsets[i], offsets[i + 1]), isText, i) : null,
    );
  }

  /** Up to 12 bytes stand in the view itself; longer values are places in further buffers. */
  #views(isText: boolean, length: number): Values {
    const validity = this.#buffers.validity(length);
    const bytes = this.#buffers.data(length * 16);
    const view = viewOf(bytes);
    const buffers = Array.from(
      { length: this.#buffers.variadicBuffers() },
      () => this.#buffers.data(0),
    );
    let total = 0;
    return Array.from({ length }, (_, i) => {
      if (!validity(i)) return null;
      const size = view.getInt32(i * 16, this.#isLittle);
      total += size;
      if (size < 0 || total > maxBufferBytes) {
        throw new DataError(`expected views of at most ${formatBytes(maxBufferBytes)}, found more`);
      }
      if (size <= 12) return cell(bytes.subarray(i * 16 + 4, i * 16 + 4 + size), isText, i);
      const buffer = buffers[view.getInt32(i * 16 + 8, this.#isLittle)];
      const offset = view.getInt32(i * 16 + 12, this.#isLittle);
      if (buffer === undefined || offset < 0 || offset + size > buffer.length) {
        throw new DataError(
          `expected view ${i} inside its buffer, found ${size} bytes at ${offset}`,
        );
      }
      return cell(buffer.subarray(offset, offset + size), isText, i);
    });
  }

  #lists(
    { isLarge, isMap }: ArrowType & { kind: "list" },
    child: ArrowField,
    length: number,
  ): Values {
    const validity = this.#buffers.validity(length);
    const offsets = this.#offsets(length, isLarge);
    const values = this.column(child);
    atLeast(values.length, offsets[length], "values of lists");
    const names = isMap ? child.children.map(({ name }) => name) : [];
    return Array.from({ length }, (_, i) => {
      if (!validity(i)) return null;
      const items = values.slice(offsets[i], offsets[i + 1]);
      // A map as pairs: keys may be of any type.
      return isMap
        ? items.map((entry) =>
          names.map((name) => (entry as Record<string, unknown> | null)?.[name] ?? null)
        )
        : items;
    });
  }

  #listViews(isLarge: boolean, child: ArrowField, length: number): Values {
    const validity = this.#buffers.validity(length);
    const bits = isLarge ? 64 : 32;
    const all = () => true;
    const offsets = this.#integers(bits, true, length, all).map(Number);
    const sizes = this.#integers(bits, true, length, all).map(Number);
    const values = this.column(child);
    let total = 0;
    return Array.from({ length }, (_, i) => {
      if (!validity(i)) return null;
      total += sizes[i];
      if (
        !(offsets[i] >= 0 && sizes[i] >= 0 && offsets[i] + sizes[i] <= values.length) ||
        total > maxColumnValues
      ) {
        throw new DataError(
          `expected list ${i} inside its values, found ${sizes[i]} at ${offsets[i]}`,
        );
      }
      return values.slice(offsets[i], offsets[i] + sizes[i]);
    });
  }

  #union(
    type: ArrowType & { kind: "union" },
    children: readonly ArrowField[],
    length: number,
  ): Values {
    const validity = this.#batch.hasUnionValidity ? this.#buffers.validity(length) : () => true;
    const ids = viewOf(this.#buffers.data(length));
    const all = () => true;
    const offsets = type.isDense ? this.#integers(32, true, length, all) : undefined;
    const columns = children.map((child) => this.column(child));
    const typeIds = type.typeIds.length > 0 ? type.typeIds : children.map((_, i) => i);
    return Array.from({ length }, (_, i) => {
      if (!validity(i)) return null;
      const values = columns[typeIds.indexOf(ids.getInt8(i))];
      const at = offsets === undefined ? i : offsets[i] as number;
      if (values === undefined || at < 0 || at >= values.length) {
        throw new DataError(`expected value ${i} in a child of the union, found none`);
      }
      return values[at];
    });
  }

  #runs(children: readonly ArrowField[], length: number): Values {
    const ends = this.column(children[0]);
    const values = this.column(children[1]);
    const rows: unknown[] = [];
    for (let run = 0; rows.length < length; run++) {
      const end = Number(ends[run] ?? -1);
      if (run >= values.length || !(end > rows.length)) {
        throw new DataError(`expected runs that end behind row ${rows.length}, found ${end}`);
      }
      while (rows.length < Math.min(end, length)) rows.push(values[run]);
    }
    return rows;
  }

  /** `length + 1` places that ascend from row to row. */
  #offsets(length: number, isLarge: boolean): number[] {
    const bytes = isLarge ? 8 : 4;
    const buffer = this.#buffers.next();
    // Old writers leave the offsets of an empty column out.
    if (length === 0 && buffer.length === 0) return [0];
    atLeast(buffer.length, (length + 1) * bytes, "bytes of offsets");
    const view = viewOf(buffer);
    let before = 0;
    return Array.from({ length: length + 1 }, (_, i) => {
      const offset = isLarge
        ? count(view.getBigInt64(i * 8, this.#isLittle))
        : view.getInt32(i * 4, this.#isLittle);
      if (offset < before) {
        throw new DataError(`expected offsets that ascend, found ${offset} after ${before}`);
      }
      before = offset;
      return offset;
    });
  }

  /** A signed integer of any width. */
  #wide(view: DataView, at: number, bits: number): bigint {
    let value = 0n;
    const words = bits / 32;
    for (let i = 0; i < words; i++) {
      const word = this.#isLittle ? words - 1 - i : i;
      value = value << 32n | BigInt(view.getUint32(at + 4 * word, this.#isLittle));
    }
    return BigInt.asIntN(bits, value);
  }
}

function cell(bytes: Uint8Array, isText: boolean, row: number): string | Uint8Array {
  if (!isText) return bytes.slice();
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new DataError(`expected UTF-8 in value ${row}, found other bytes`);
  }
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = bits >> 10 & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
