/**
 * Checks of Arrow's metadata before `apache-arrow` decodes it. The library trusts every length that it finds, so that damaged
 * metadata would make it allocate without end. And it reads some kinds of data wrong, without an error.
 *
 * Source: FlatBuffers binary format ("Internals"); Arrow columnar format 1.5, Schema.fbs, Message.fbs, File.fbs.
 */
import { DataError } from "./data_error.ts";

/** Nesting deeper than this does not occur in files that people write. */
const maxDepth = 64;
const maxFields = 65_536;
/** The version V5, which Arrow has written since 1.0. */
const version5 = 4;
/** Versions before V4 (Arrow 0.8 of 2017) have other layouts. */
export const oldestVersion = 3;
const unionKind = 14;
/** Kinds of columns, by their numbers in `Schema.fbs`, that `apache-arrow` does not know. */
const unknownKinds: Readonly<Record<number, string>> = {
  22: "run-end encoding",
  25: "a list view",
  26: "a large list view",
};

/** A table of metadata, read in place. What lies outside of the bytes ends in a `RangeError`. */
export class MetadataTable {
  readonly view: DataView;
  readonly #at: number;

  private constructor(view: DataView, at: number) {
    this.view = view;
    this.#at = at;
  }

  /** The table that the bytes start with. */
  static root(bytes: Uint8Array): MetadataTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new MetadataTable(view, view.getUint32(0, true));
  }

  /** A small number that is not negative; 0 where the table leaves it out. */
  uint8(slot: number): number {
    const at = this.#place(slot);
    return at === undefined ? 0 : this.view.getUint8(at);
  }

  table(slot: number): MetadataTable | undefined {
    const at = this.#place(slot);
    return at === undefined ? undefined : this.#tableAt(at);
  }

  tables(slot: number): MetadataTable[] {
    const { at, length } = this.list(slot, 4);
    return Array.from({ length }, (_, i) => this.#tableAt(at + 4 * i));
  }

  /** Where a list has its first entry, and how many it has. @throws DataError when it does not fit into the bytes */
  list(slot: number, entryBytes: number): { at: number; length: number } {
    const field = this.#place(slot);
    if (field === undefined) return { at: 0, length: 0 };
    const start = field + this.view.getUint32(field, true);
    const length = this.view.getUint32(start, true);
    const at = start + 4;
    if (at + length * entryBytes > this.view.byteLength) {
      throw new DataError(`expected a list inside the metadata, found one of ${length} entries`);
    }
    return { at, length };
  }

  #tableAt(at: number): MetadataTable {
    return new MetadataTable(this.view, at + this.view.getUint32(at, true));
  }

  #place(slot: number): number | undefined {
    const fields = this.#at - this.view.getInt32(this.#at, true);
    const entry = 4 + 2 * slot;
    if (entry + 2 > this.view.getUint16(fields, true)) return undefined;
    const offset = this.view.getUint16(fields + entry, true);
    return offset === 0 ? undefined : this.#at + offset;
  }
}

/** @throws DataError for metadata older than V4, or newer than is known */
export function checkVersion(version: number): void {
  if (version >= oldestVersion && version <= version5) return;
  throw new DataError(`expected metadata of version V4 or V5, found V${version + 1}`);
}

/** @throws DataError for a schema that cannot be read, or would be read to wrong values */
export function checkSchema(schema: MetadataTable, version: number): void {
  if (schema.uint8(0) !== 0) {
    throw new DataError("expected little-endian data, found big-endian data");
  }
  schema.list(2, 4);
  schema.list(3, 8);
  let left = maxFields;
  const check = (field: MetadataTable, depth: number) => {
    if (depth > maxDepth || left-- === 0) {
      const most = `${maxFields} fields on at most ${maxDepth} levels`;
      throw new DataError(`expected at most ${most}, found more`);
    }
    const kind = field.uint8(2);
    if (Object.hasOwn(unknownKinds, kind)) {
      throw new DataError(`expected a known kind of column, found ${unknownKinds[kind]}`);
    }
    if (kind === unionKind) {
      // Older unions have nulls of their own, which the library drops.
      if (version < version5) {
        throw new DataError(`expected unions of metadata V5, found V${version + 1}`);
      }
      field.table(3)?.list(1, 4);
    }
    field.list(6, 4);
    for (const child of field.tables(5)) check(child, depth + 1);
  };
  for (const field of schema.tables(1)) check(field, 1);
}

/** @throws DataError when the lists of a record batch do not fit into the metadata */
export function checkBatch(batch: MetadataTable | undefined): void {
  if (batch === undefined) throw new DataError("expected a batch with values, found none");
  batch.list(1, 16);
  batch.list(2, 16);
  batch.list(4, 8);
}
