/**
 * Columns of a row group as rows: a flat column page by page, a nested one at once, as its pages need not end with a row.
 */
import { crc32 } from "node:zlib";
import type { DecodedArray, PageHeader, SchemaTree } from "hyparquet";
import { assembleLists, assembleNested } from "hyparquet/src/assemble.js";
import { parquetHeader } from "hyparquet/src/column.js";
import { isFlatColumn } from "hyparquet/src/schema.js";
import { formatBytes } from "../../base/mod.ts";
import type { Input } from "../input.ts";
import { DataError } from "./data_error.ts";
import { decompressPage } from "./parquet_codecs.ts";
import type { ColumnChunk } from "./parquet_file.ts";
import { parsers } from "./parquet_types.ts";
import {
  dictionaryOf,
  type LeafColumn,
  maxPageValues,
  type PageValues,
  valuesOf,
} from "./parquet_values.ts";

/** Bytes are fetched this many at a time; a larger page in one piece. */
const windowBytes = 1024 * 1024;
/** A page's header with its statistics. */
const maxHeaderBytes = 16 * 1024 * 1024;
/** What a nested column of one row group may take, unpacked. */
export const maxNestedBytes = 512 * 1024 * 1024;
/** A string of V8 has no more UTF-16 units than 2^29 - 24: text that is longer has no value here. */
const maxStringUnits = 2 ** 29 - 24;

/** Rows of one top-level column of a row group, taken a page at a time. */
export interface ColumnRows {
  /** The next rows; undefined at the end. `skip`: so many rows may be left out if they are a whole page. */
  next(skip: number): Promise<{ rows: DecodedArray } | { skipped: number } | undefined>;
}

/** @param column a top-level column with its leaves and their chunks, in the same order */
export function columnRows(
  input: Input,
  column: SchemaTree,
  leaves: readonly { readonly leaf: LeafColumn; readonly chunk: ColumnChunk }[],
): ColumnRows {
  const [{ leaf, chunk }] = leaves;
  return isFlatColumn(leaf.schemaPath)
    ? new FlatColumn(new Pages(input, leaf, chunk), leaf)
    : new NestedColumn(input, column, leaves);
}

class FlatColumn implements ColumnRows {
  readonly #pages: Pages;
  readonly #leaf: LeafColumn;

  constructor(pages: Pages, leaf: LeafColumn) {
    this.#pages = pages;
    this.#leaf = leaf;
  }

  async next(skip: number) {
    const page = await this.#pages.next(skip);
    if (page === undefined || "skipped" in page) return page;
    return { rows: withNulls(page, this.#leaf.maxDefinition) };
  }
}

/** The values of a flat column with its nulls; no definition levels where nothing is null. */
function withNulls({ definitionLevels, values }: PageValues, max: number): DecodedArray {
  if (definitionLevels.length === 0) return values;
  const rows = new Array(definitionLevels.length);
  let at = 0;
  for (let i = 0; i < rows.length; i++) rows[i] = definitionLevels[i] === max ? values[at++] : null;
  return rows;
}

class NestedColumn implements ColumnRows {
  readonly #input: Input;
  readonly #column: SchemaTree;
  readonly #leaves: readonly { readonly leaf: LeafColumn; readonly chunk: ColumnChunk }[];
  #isDone = false;

  constructor(
    input: Input,
    column: SchemaTree,
    leaves: readonly { readonly leaf: LeafColumn; readonly chunk: ColumnChunk }[],
  ) {
    this.#input = input;
    this.#column = column;
    this.#leaves = leaves;
  }

  async next() {
    if (this.#isDone) return undefined;
    this.#isDone = true;
    this.#checkSize();
    const assembled = new Map<string, DecodedArray>();
    for (const { leaf, chunk } of this.#leaves) {
      const pages = new Pages(this.#input, leaf, chunk);
      const rows: unknown[] = [];
      for (let page = await pages.next(0); page !== undefined; page = await pages.next(0)) {
        if ("skipped" in page) continue;
        const { definitionLevels, repetitionLevels, values } = page;
        if (definitionLevels.length + repetitionLevels.length + values.length === 0) continue;
        if (rows.length === 0 && (repetitionLevels[0] ?? 0) !== 0) {
          throw new DataError(
            "expected a row to start with repetition level 0, found a later level",
          );
        }
        const last = rows.length;
        const added = assembleLists(
          rows,
          definitionLevels,
          repetitionLevels,
          values,
          leaf.schemaPath,
        );
        // Without levels the values themselves are given back.
        if (added !== rows) { for (const value of added) rows.push(value); }
        else if (last === rows.length && (repetitionLevels[0] ?? 0) === 0) {
          throw new DataError("expected rows in a page, found none");
        }
      }
      assembled.set(leaf.path.join("."), rows);
    }
    assembleNested(assembled, this.#column, parsers as never);
    const rows = assembled.get(this.#column.path.join("."));
    if (rows === undefined) {
      throw new DataError("expected leaves that make up the column, found others");
    }
    return { rows };
  }

  #checkSize(): void {
    const bytes = this.#leaves.reduce((sum, { chunk }) => sum + chunk.uncompressedBytes, 0);
    if (bytes <= maxNestedBytes) return;
    const long = this.#leaves.find(({ chunk: { uncompressedBytes, values } }) =>
      uncompressedBytes / values > maxStringUnits
    );
    const reason = long === undefined
      ? "; write it with smaller row groups"
      : ` in ${long.chunk.values} values of "${long.leaf.path.join(".")}": ` +
        `text of more than ${formatBytes(maxStringUnits)} cannot be held in a string`;
    throw new DataError(
      `expected a nested column of at most ${formatBytes(maxNestedBytes)} a row group, ` +
        `found ${formatBytes(bytes)}${reason}`,
    );
  }
}

/** The data pages of a column chunk. */
class Pages {
  readonly #input: Input;
  readonly #leaf: LeafColumn;
  readonly #chunk: ColumnChunk;
  #at: number;
  #left: number;
  #dictionary: DecodedArray | undefined;
  #window: Uint8Array = new Uint8Array();
  #windowStart = 0;

  constructor(input: Input, leaf: LeafColumn, chunk: ColumnChunk) {
    this.#input = input;
    this.#leaf = leaf;
    this.#chunk = chunk;
    this.#at = chunk.start;
    this.#left = chunk.values;
  }

  /** The next data page; undefined behind the last. A flat page of at most `skip` values is left out. */
  async next(skip: number): Promise<PageValues | { skipped: number } | undefined> {
    while (this.#left > 0) {
      const header = await this.#header();
      const { compressed_page_size: size, type } = header;
      if (!(size >= 0 && this.#at + size <= this.#chunk.end)) {
        throw new DataError(`expected a page inside its column, found one of ${size} bytes`);
      }
      const count = (header.data_page_header_v2 ?? header.data_page_header)?.num_values;
      const isData = type === "DATA_PAGE" || type === "DATA_PAGE_V2";
      if (isData) this.#checkCount(header, count);
      if (isData && skip > 0 && count! <= skip) {
        this.#at += size;
        this.#left -= count!;
        if (count! > 0) return { skipped: count! };
        continue;
      }
      const stored = await this.#bytes(this.#at, size);
      this.#at += size;
      if (header.crc !== undefined && crc32(stored) !== header.crc >>> 0) {
        throw new DataError("expected a page with its checksum, found other bytes");
      }
      if (type === "DICTIONARY_PAGE") {
        if (this.#dictionary !== undefined) {
          throw new DataError("expected one dictionary, found two");
        }
        const page = decompressPage(this.#chunk.codec, stored, header.uncompressed_page_size);
        this.#dictionary = dictionaryOf(page, header, this.#leaf);
      } else if (isData) {
        this.#left -= count!;
        if (count === 0) continue;
        const page = this.#unpacked(stored, header);
        return valuesOf(page, header, this.#leaf, this.#dictionary);
      } else if (type !== "INDEX_PAGE") {
        throw new DataError(`expected a page of a known kind, found ${type}`);
      }
    }
    return undefined;
  }

  #checkCount(header: PageHeader, count: number | undefined): void {
    const which = header.type === "DATA_PAGE"
      ? header.data_page_header
      : header.data_page_header_v2;
    if (which === undefined || count === undefined) {
      throw new DataError("expected a data page with its header, found none");
    }
    if (header.type === "DATA_PAGE" && header.data_page_header_v2 !== undefined) {
      throw new DataError("expected a page of one version, found headers of two");
    }
    if (!(count >= 0 && count <= this.#left && count <= maxPageValues)) {
      const most = Math.min(this.#left, maxPageValues);
      throw new DataError(`expected a page of at most ${most} values, found ${count}`);
    }
  }

  /** Levels of version 2 are never compressed. */
  #unpacked(stored: Uint8Array, header: PageHeader): Uint8Array {
    const { codec } = this.#chunk;
    const v2 = header.data_page_header_v2;
    if (v2 === undefined) return decompressPage(codec, stored, header.uncompressed_page_size);
    const levels = v2.repetition_levels_byte_length + v2.definition_levels_byte_length;
    if (
      !(v2.repetition_levels_byte_length >= 0 && v2.definition_levels_byte_length >= 0 &&
        levels <= stored.length)
    ) {
      throw new DataError(`expected levels inside the page, found ${levels} bytes`);
    }
    const size = header.uncompressed_page_size - levels;
    if (v2.is_compressed === false || codec === "UNCOMPRESSED" || size === 0) return stored.slice();
    const values = decompressPage(codec, stored.subarray(levels), size);
    const page = new Uint8Array(levels + values.length);
    page.set(stored.subarray(0, levels));
    page.set(values, levels);
    return page;
  }

  async #header(): Promise<PageHeader> {
    for (let size = 16 * 1024;; size *= 8) {
      const wanted = Math.min(size, this.#chunk.end - this.#at);
      if (wanted <= 0) {
        throw new DataError(`expected ${this.#left} more values, found the end of the column`);
      }
      const bytes = await this.#bytes(this.#at, wanted);
      const reader = {
        view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        offset: 0,
      };
      try {
        const header = parquetHeader(reader);
        this.#at += reader.offset;
        return header;
      } catch (cause) {
        if (wanted === size && size < maxHeaderBytes) continue; // it may go on behind these bytes
        throw new DataError("expected the header of a page, found damaged data", { cause });
      }
    }
  }

  async #bytes(start: number, size: number): Promise<Uint8Array> {
    const end = this.#windowStart + this.#window.length;
    if (start < this.#windowStart || start + size > end) {
      const length = Math.min(Math.max(size, windowBytes), this.#chunk.end - start);
      this.#window = await this.#input.read(start, length);
      this.#windowStart = start;
    }
    return this.#window.subarray(start - this.#windowStart, start - this.#windowStart + size);
  }
}
