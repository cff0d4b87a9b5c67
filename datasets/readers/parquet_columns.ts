/**
 * Columns of a row group, decoded by `hyparquet`: a flat column some pages at a time, a nested one at once, as its pages need
 * not end with a row. The library gets files in memory that hold these pages alone.
 */
import { Buffer } from "node:buffer";
import {
  type ColumnChunk as Chunk,
  type DecodedArray,
  type FileMetaData,
  flatten,
  parquetRead,
  type SchemaTree,
} from "hyparquet";
import { formatBytes } from "../../base/mod.ts";
import type { Input } from "../input.ts";
import { DataError } from "./data_error.ts";
import { checkPage } from "./parquet_checks.ts";
import { decompressPage } from "./parquet_codecs.ts";
import type { ColumnChunk, LeafColumn, ParquetFile } from "./parquet_file.ts";
import { isIndexed } from "./parquet_headers.ts";
import { pagesOf, type StoredPage } from "./parquet_pages.ts";
import { exactValues, parsers, storedElement } from "./parquet_types.ts";

/** Pages of a flat column are decoded together up to this size, unpacked. */
const windowBytes = 4 * 1024 * 1024;
/** What a nested column of one row group may take, unpacked. */
const maxNestedBytes = 512 * 1024 * 1024;
/** A string of V8 has no more UTF-16 units than 2^29 - 24: longer text cannot be a value. */
const maxStringUnits = 2 ** 29 - 24;

/** A codec that nobody uses: under its name `hyparquet` asks for every page, also for those that are not compressed. */
const ourCodec = "LZO";

interface Leaf {
  readonly leaf: LeafColumn;
  readonly chunk: ColumnChunk;
}

/** Pages of one leaf that are decoded together. */
interface LeafPages extends Leaf {
  readonly pages: readonly StoredPage[];
}

/** The rows of one top-level column of a row group from row `skip` on. @throws DataError */
export async function* columnRows(
  input: Input,
  file: ParquetFile,
  group: number,
  column: SchemaTree,
  skip: number,
): AsyncGenerator<DecodedArray> {
  const { rows, chunk } = file.rowGroups[group];
  const leaves = file.leaves.flatMap((leaf, i) =>
    leaf.path[0] === column.element.name ? [{ leaf, chunk: chunk(i) }] : []
  );
  const [{ leaf }] = leaves;
  const isFlat = leaf.path.length === 1 && leaf.maxRepetition === 0;
  const exact = exactValues(column);
  let seen = 0;
  for await (const window of isFlat ? flatWindows(input, leaves[0], skip) : nested(input, leaves)) {
    if ("skipped" in window) {
      seen += window.skipped;
      continue;
    }
    const values = await decoded(file.metadata, column.element.name, window, rows);
    const from = Math.max(0, skip - seen);
    seen += values.length;
    if (seen > rows) throw new DataError(`expected ${rows} rows, found ${seen} or more`);
    if (exact === undefined) yield from === 0 ? values : values.slice(from);
    else yield Array.from(values.slice(from) as ArrayLike<unknown>, exact);
  }
  if (seen !== rows) throw new DataError(`expected ${rows} rows, found ${seen}`);
}

async function* flatWindows(
  input: Input,
  { leaf, chunk }: Leaf,
  skip: number,
): AsyncGenerator<LeafPages[] | { skipped: number }> {
  let dictionary: StoredPage[] = [];
  let pages: StoredPage[] = [];
  let bytes = 0;
  const window = () => {
    const used = pages.some(({ header }) => isIndexed(header)) ? dictionary : [];
    return [{ leaf, chunk, pages: [...used, ...pages] }];
  };
  for await (const page of pagesOf(input, leaf, chunk, skip)) {
    if (page.bytes === undefined) yield { skipped: page.header.values };
    else if (page.header.kind === "DICTIONARY_PAGE") dictionary = [page];
    else if (page.header.values > 0) {
      pages.push(page);
      bytes += page.header.unpackedBytes;
      if (bytes < windowBytes) continue;
      yield window();
      pages = [];
      bytes = 0;
    }
  }
  if (pages.length > 0) yield window();
}

async function* nested(input: Input, leaves: readonly Leaf[]): AsyncGenerator<LeafPages[]> {
  checkSize(leaves);
  const window: LeafPages[] = [];
  for (const { leaf, chunk } of leaves) {
    const pages: StoredPage[] = [];
    for await (const page of pagesOf(input, leaf, chunk, 0)) {
      if (page.bytes !== undefined && page.header.values > 0) pages.push(page);
    }
    window.push({ leaf, chunk, pages });
  }
  if (window.some(({ pages }) => pages.length > 0)) yield window;
}

function checkSize(leaves: readonly Leaf[]): void {
  const bytes = leaves.reduce((sum, { chunk }) => sum + chunk.uncompressedBytes, 0);
  if (bytes <= maxNestedBytes) return;
  const long = leaves.find(({ chunk: { uncompressedBytes, values } }) =>
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

/** The values of pages. `hyparquet` gets them as a file with one row group that has only these pages. */
async function decoded(
  metadata: FileMetaData,
  name: string,
  leaves: readonly LeafPages[],
  rows: number,
): Promise<DecodedArray> {
  const bytes = Buffer.concat(leaves.flatMap(({ pages }) => pages.map((page) => page.bytes)));
  let at = 0;
  const columns = leaves.map(({ leaf, chunk, pages }): Chunk => {
    const start = at;
    for (const page of pages) at += page.bytes.length;
    return {
      file_offset: 0n,
      meta_data: {
        ...chunk.metadata,
        type: storedElement(leaf.element).type!,
        codec: ourCodec,
        dictionary_page_offset: undefined,
        data_page_offset: BigInt(start),
        total_compressed_size: BigInt(at - start),
      },
    };
  });
  // One row more than there must be, so that surplus ones are seen.
  const group = { columns, num_rows: BigInt(rows + 1), total_byte_size: BigInt(bytes.length) };
  const parts: DecodedArray[] = [];
  await parquetRead({
    file: {
      byteLength: bytes.length,
      slice: (start, end) =>
        bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + end!) as ArrayBuffer,
    },
    metadata: { ...metadata, row_groups: [group] },
    columns: [name],
    compressors: { [ourCodec]: pageUnpacker(leaves) },
    parsers,
    utf8: false,
    onPage: ({ columnData }) => {
      if (!hasGap(columnData)) return;
      throw new DataError("expected indices of the dictionary, found a larger one");
    },
    onChunk: ({ columnData }) => parts.push(columnData),
  });
  return flatten(parts);
}

/** Whether a value is undefined, as indices beyond the dictionary make it; what is missing is null. */
function hasGap(values: DecodedArray): boolean {
  return Array.isArray(values) &&
    values.some((value) => value === undefined || Array.isArray(value) && hasGap(value));
}

/** Unpacks pages and checks each. `hyparquet` asks for them in their order. */
function pageUnpacker(leaves: readonly LeafPages[]) {
  const packed = leaves.flatMap(({ leaf, chunk, pages }) =>
    pages.filter(({ header }) => header.v2?.isPacked !== false)
      .map(({ header }) => ({ leaf, header, codec: chunk.metadata.codec }))
  ).values();
  return (stored: Uint8Array, size: number): Uint8Array => {
    const next = packed.next();
    if (next.done) throw new DataError("expected as many pages as have headers, found more");
    const { leaf, header, codec } = next.value;
    const page = decompressPage(codec, stored, size);
    checkPage(page, header, leaf);
    return page;
  };
}
