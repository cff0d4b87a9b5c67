/**
 * The pages of a parquet column, each checked before `hyparquet` decodes it: it trusts the counts and lengths that pages
 * declare, so that damaged ones make it run for ever, fill memory, or give wrong values; and it knows no checksums.
 *
 * Source: parquet-format, parquet.thrift, README.md ("Data Pages", "Checksumming").
 */
import { crc32 } from "node:zlib";
import type { Input } from "../input.ts";
import { DataError } from "./data_error.ts";
import { checkLevels, checkPage } from "./parquet_checks.ts";
import type { ColumnChunk, LeafColumn } from "./parquet_file.ts";
import { headerOf, isIndexed, type PageHeader } from "./parquet_headers.ts";
import { readStruct } from "./thrift.ts";

/** Bytes are fetched this many at a time; a larger page in one piece. */
const fetchBytes = 1024 * 1024;
/** A page's header with its statistics. */
const maxHeaderBytes = 16 * 1024 * 1024;
/** Values a page may have: of text columns some ten thousand; a page of one repeated value can claim any number. */
const maxPageValues = 2 ** 23;

/** A page with the bytes of its header and data, as they are stored. */
export interface StoredPage {
  readonly header: PageHeader;
  readonly bytes: Uint8Array;
}

/** A page that was skipped has no bytes. */
type Page = StoredPage | { readonly header: PageHeader; readonly bytes?: undefined };

/** The dictionary and the data pages of a column chunk. @param skip data pages of so many values at the start have no bytes */
export async function* pagesOf(
  input: Input,
  leaf: LeafColumn,
  chunk: ColumnChunk,
  skip: number,
): AsyncGenerator<Page> {
  const bytes = new ChunkBytes(input, chunk.end);
  let at = chunk.start;
  let left = chunk.values;
  let skips = skip;
  let hasDictionary = false;
  while (left > 0) {
    const { header, end } = await headerAt(bytes, at, left);
    const next = end + header.storedBytes;
    if (!(header.storedBytes >= 0 && next <= chunk.end)) {
      throw new DataError(
        `expected a page inside its column, found one of ${header.storedBytes} bytes`,
      );
    }
    const isData = header.kind === "DATA_PAGE" || header.kind === "DATA_PAGE_V2";
    if (isData) {
      checkData(header, leaf, left, hasDictionary);
      left -= header.values;
    }
    if (isData && header.values <= skips) {
      skips -= header.values;
      yield { header };
    } else if (header.kind !== "INDEX_PAGE") {
      const page = await bytes.read(at, next - at);
      const stored = page.subarray(end - at);
      if (header.checksum !== undefined && crc32(stored) !== header.checksum >>> 0) {
        throw new DataError("expected a page with its checksum, found other bytes");
      }
      if (header.v2 !== undefined) checkLevels(stored, header, leaf);
      if (header.v2?.isPacked === false) {
        const { repetitionBytes, definitionBytes } = header.v2;
        checkPage(stored.subarray(repetitionBytes + definitionBytes), header, leaf);
      }
      if (!isData && hasDictionary) throw new DataError("expected one dictionary, found two");
      hasDictionary ||= !isData;
      if (isData) skips = 0;
      yield { header, bytes: page };
    }
    at = next;
  }
}

function checkData(header: PageHeader, leaf: LeafColumn, left: number, hasDictionary: boolean) {
  const { values, encoding, levelEncodings, v2 } = header;
  if (!(values >= 0 && values <= left && values <= maxPageValues)) {
    const most = Math.min(left, maxPageValues);
    throw new DataError(`expected a page of at most ${most} values, found ${values}`);
  }
  if (encoding === undefined) throw new DataError("expected a known encoding, found none");
  if (isIndexed(header) && !hasDictionary) {
    throw new DataError("expected a dictionary page before indices, found none");
  }
  if (encoding === "RLE" && leaf.element.type !== "BOOLEAN") {
    throw new DataError(`expected booleans with encoding RLE, found ${leaf.element.type}`);
  }
  if (v2 !== undefined && !(v2.nulls >= 0 && v2.nulls <= values)) {
    throw new DataError(`expected at most ${values} nulls, found ${v2.nulls}`);
  }
  const levels = [["repetition", leaf.maxRepetition], ["definition", leaf.maxDefinition]] as const;
  for (const [i, [what, max]] of levels.entries()) {
    if (v2 !== undefined || max === 0 || levelEncodings[i] === "RLE") continue;
    throw new DataError(`expected ${what} levels with encoding RLE, found ${levelEncodings[i]}`);
  }
}

async function headerAt(
  source: ChunkBytes,
  at: number,
  left: number,
): Promise<{ header: PageHeader; end: number }> {
  for (let size = 16 * 1024;; size *= 8) {
    const wanted = Math.min(size, source.end - at);
    if (wanted <= 0) {
      throw new DataError(`expected ${left} more values, found the end of the column`);
    }
    const bytes = await source.read(at, wanted);
    try {
      const { struct, end } = readStruct(bytes);
      if (end <= bytes.length) return { header: headerOf(struct), end: at + end };
    } catch (cause) {
      if (cause instanceof DataError) throw cause;
    }
    if (wanted === size && size < maxHeaderBytes) continue; // it may go on after these bytes
    throw new DataError("expected the header of a page, found damaged data");
  }
}

/** Bytes of a column chunk, fetched in larger pieces. */
class ChunkBytes {
  readonly end: number;
  readonly #input: Input;
  #piece: Uint8Array = new Uint8Array();
  #start = 0;

  constructor(input: Input, end: number) {
    this.#input = input;
    this.end = end;
  }

  async read(start: number, size: number): Promise<Uint8Array> {
    if (start < this.#start || start + size > this.#start + this.#piece.length) {
      const length = Math.min(Math.max(size, fetchBytes), this.end - start);
      this.#piece = await this.#input.read(start, length);
      this.#start = start;
    }
    return this.#piece.subarray(start - this.#start, start - this.#start + size);
  }
}
