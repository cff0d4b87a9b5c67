/**
 * FlatBuffers as Arrow's metadata has them, read in place. Every access is inside the bytes or an error: offsets of damaged
 * data lead anywhere.
 *
 * Source: FlatBuffers binary format ("Internals").
 */
import { DataError } from "./data_error.ts";

/** Vectors longer than this many entries do not occur in metadata that could be read. */
const maxEntries = 2 ** 22;

export class FlatTable {
  readonly #view: DataView;
  readonly #at: number;
  readonly #fields: number;
  readonly #fieldsBytes: number;

  private constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
    this.#fields = at - view.getInt32(at, true);
    this.#fieldsBytes = view.getUint16(this.#fields, true);
  }

  /** The table that a buffer starts with. */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, view.getUint32(0, true));
  }

  /** Place of field number `slot`; undefined where the table leaves it out. */
  #field(slot: number): number | undefined {
    const entry = 4 + 2 * slot;
    if (entry + 2 > this.#fieldsBytes) return undefined;
    const offset = this.#view.getUint16(this.#fields + entry, true);
    return offset === 0 ? undefined : this.#at + offset;
  }

  uint8(slot: number, otherwise = 0): number {
    const at = this.#field(slot);
    return at === undefined ? otherwise : this.#view.getUint8(at);
  }

  bool(slot: number, otherwise = false): boolean {
    return this.uint8(slot, otherwise ? 1 : 0) !== 0;
  }

  int16(slot: number, otherwise = 0): number {
    const at = this.#field(slot);
    return at === undefined ? otherwise : this.#view.getInt16(at, true);
  }

  int32(slot: number, otherwise = 0): number {
    const at = this.#field(slot);
    return at === undefined ? otherwise : this.#view.getInt32(at, true);
  }

  int64(slot: number): number {
    const at = this.#field(slot);
    return at === undefined ? 0 : count(this.#view.getBigInt64(at, true));
  }

  string(slot: number): string {
    const vector = this.#vector(slot);
    if (vector === undefined) return "";
    const { buffer, byteOffset } = this.#view;
    const bytes = new Uint8Array(buffer, byteOffset + vector.at, vector.length);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  }

  table(slot: number): FlatTable | undefined {
    const at = this.#field(slot);
    return at === undefined
      ? undefined
      : new FlatTable(this.#view, at + this.#view.getUint32(at, true));
  }

  tables(slot: number): FlatTable[] {
    const { at, length } = this.#vector(slot, 4) ?? { at: 0, length: 0 };
    return Array.from({ length }, (_, i) => {
      const entry = at + 4 * i;
      return new FlatTable(this.#view, entry + this.#view.getUint32(entry, true));
    });
  }

  int32s(slot: number): number[] {
    const { at, length } = this.#vector(slot, 4) ?? { at: 0, length: 0 };
    return Array.from({ length }, (_, i) => this.#view.getInt32(at + 4 * i, true));
  }

  int64s(slot: number): number[] {
    const { at, length } = this.#vector(slot, 8) ?? { at: 0, length: 0 };
    return Array.from({ length }, (_, i) => count(this.#view.getBigInt64(at + 8 * i, true)));
  }

  /** A vector of structs of `size` bytes; `read` is given a struct's place. */
  structs<T>(slot: number, size: number, read: (view: DataView, at: number) => T): T[] {
    const { at, length } = this.#vector(slot, size) ?? { at: 0, length: 0 };
    return Array.from({ length }, (_, i) => read(this.#view, at + size * i));
  }

  #vector(slot: number, entryBytes = 1): { at: number; length: number } | undefined {
    const field = this.#field(slot);
    if (field === undefined) return undefined;
    const at = field + this.#view.getUint32(field, true);
    const length = this.#view.getUint32(at, true);
    if (length > maxEntries || at + 4 + length * entryBytes > this.#view.byteLength) {
      throw new DataError(`expected a list inside the metadata, found one of ${length} entries`);
    }
    return { at: at + 4, length };
  }
}

/** A 64-bit count or offset as a number. @throws DataError when it is too large for one */
export function count(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new DataError(`expected a 64-bit count, found ${value}`);
  return number;
}
