/**
 * The footer of a parquet file, checked: what it declares must fit into its file.
 */
import {
  type ColumnMetaData,
  type FileMetaData,
  parquetMetadata,
  parquetSchema,
  type RowGroup,
  type SchemaElement,
  type SchemaTree,
} from "hyparquet";
import { formatBytes, messageOf } from "../../base/mod.ts";
import type { Input } from "../input.ts";
import { DataError } from "./data_error.ts";
import { markNested, storedElement } from "./parquet_types.ts";
import { readStruct } from "./thrift.ts";

/** A footer takes at most this much memory; those of files with thousands of columns have some MB. */
const maxFooterBytes = 64 * 1024 * 1024;
/** Magic string and length at the end, magic string at the start. */
const tailBytes = 8;
const headBytes = 4;

export interface ParquetFile {
  /** For `hyparquet`: its schema says how values are stored where those of logical types would not be exact. */
  readonly metadata: FileMetaData;
  readonly rows: number;
  readonly columns: readonly SchemaTree[];
  /** Leaves of each top-level column, in the file's order. */
  readonly leaves: readonly LeafColumn[];
  readonly rowGroups: readonly ParquetRowGroup[];
}

interface ParquetRowGroup {
  readonly rows: number;
  /** Where the values of a leaf lie, by its place in the schema. @throws DataError for one that cannot be read */
  chunk(leaf: number): ColumnChunk;
}

/** A column that holds values: all but lists, maps and structs. */
export interface LeafColumn {
  readonly path: readonly string[];
  readonly element: SchemaElement;
  readonly maxDefinition: number;
  readonly maxRepetition: number;
}

export interface ColumnChunk {
  readonly metadata: ColumnMetaData;
  readonly start: number;
  readonly end: number;
  /** Values with nulls and empty lists: level entries. */
  readonly values: number;
  readonly uncompressedBytes: number;
}

/** Reads and checks the footer. @throws DataError */
export async function openParquet(input: Input): Promise<ParquetFile> {
  if (input.size < headBytes + tailBytes) {
    throw new DataError(`expected a parquet file, found ${input.size} bytes`);
  }
  const tail = await input.read(input.size - tailBytes, tailBytes);
  const magic = new TextDecoder("latin1").decode(tail.subarray(4));
  if (magic === "PARE") {
    throw new DataError(
      "expected a file that is not encrypted, found an encrypted footer; decrypt it first",
    );
  }
  if (magic !== "PAR1") {
    throw new DataError(
      'expected "PAR1" at the end, found other bytes: cut short, or no parquet file',
    );
  }
  const length = new DataView(tail.buffer).getUint32(0, true);
  if (length > input.size - headBytes - tailBytes || length > maxFooterBytes) {
    throw new DataError(
      `expected a footer inside the file, of at most ${formatBytes(maxFooterBytes)}, ` +
        `found one of ${formatBytes(length)}`,
    );
  }
  const footer = await input.read(input.size - tailBytes - length, length + tailBytes);
  return checked(parsed(footer), input.size - tailBytes);
}

function parsed(footer: Uint8Array<ArrayBuffer>): FileMetaData {
  try {
    return parquetMetadata(footer.buffer, { geoparquet: false });
  } catch (cause) {
    const found = unknownType(footer.subarray(0, -tailBytes)) ??
      `damaged data (${messageOf(cause)})`;
    throw new DataError(`footer: expected parquet metadata, found ${found}`, { cause });
  }
}

/** The first element of the schema whose type has no meaning: `hyparquet` then fails elsewhere. */
function unknownType(footer: Uint8Array): string | undefined {
  try {
    const elements = readStruct(footer).struct.structs(2);
    const types = elements.map((element) => element.number(1));
    const at = types.findIndex((type) => type !== undefined && !(type >= 0 && type <= 7));
    return at < 0 ? undefined : `type ${types[at]} at element ${at} of the schema`;
  } catch {
    return undefined;
  }
}

function checked(metadata: FileMetaData, end: number): ParquetFile {
  const root = parquetSchema(metadata);
  if (root.count !== metadata.schema.length) {
    throw new DataError(
      `footer: expected a schema of ${root.count} elements, found ${metadata.schema.length}`,
    );
  }
  markNested(root);
  const leaves = leavesOf([root]);
  for (const { path, element } of leaves) {
    if (element.type !== undefined) continue;
    throw new DataError(`footer, column "${path.join(".")}": expected a known type, found none`);
  }
  const unclear = metadata.schema.slice(1).find((element) => element.repetition_type === undefined);
  if (unclear !== undefined) {
    throw new DataError(
      `footer, column "${unclear.name}": expected a known repetition, found none`,
    );
  }
  const names = root.children.map(({ element }) => element.name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) {
    throw new DataError(`footer: expected names of columns that differ, found "${repeated}" twice`);
  }
  const rowGroups = metadata.row_groups.map((group, g) => {
    const fail = (expected: string, found: unknown): never => {
      throw new DataError(`footer, row group ${g}: expected ${expected}, found ${found}`);
    };
    const rows = Number(group.num_rows);
    if (!(rows >= 0 && Number.isSafeInteger(rows))) fail("a number of rows", rows);
    if (group.columns.length !== leaves.length) {
      fail(`${leaves.length} columns`, group.columns.length);
    }
    const names = leaves.map(({ path }) => path.join("."));
    for (const [c, { meta_data: meta }] of group.columns.entries()) {
      const found = meta?.path_in_schema.join(".") ?? names[c];
      if (found !== names[c]) fail(`column "${names[c]}"`, `"${found}"`);
      const values = Number(meta?.num_values ?? rows);
      if (!(values >= 0 && Number.isSafeInteger(values))) {
        fail(`a number of values of column "${names[c]}"`, values);
      }
      if (leaves[c].maxRepetition === 0 && values !== rows) {
        fail(`${rows} values of column "${names[c]}"`, values);
      }
    }
    return { rows, chunk: (c: number) => checkedChunk(group.columns[c], leaves[c], end) };
  });
  // Some writers leave the file's own count at 0: the counts of row groups are compared with the pages.
  const rows = rowGroups.reduce((sum, group) => sum + group.rows, 0);
  const schema = metadata.schema.map(storedElement);
  return { metadata: { ...metadata, schema }, rows, columns: root.children, leaves, rowGroups };
}

/** Where the values of a column lie. It is asked for only of columns that are read. @throws DataError */
function checkedChunk(
  column: RowGroup["columns"][number],
  leaf: LeafColumn,
  end: number,
): ColumnChunk {
  const fail = (expected: string, found: unknown): never => {
    throw new DataError(`expected ${expected}, found ${found}`);
  };
  if (column.crypto_metadata !== undefined || column.encrypted_column_metadata !== undefined) {
    return fail("a column that is not encrypted", "an encrypted one; decrypt the file first");
  }
  if (column.file_path) return fail("its values in this file", `"${column.file_path}"`);
  const meta = column.meta_data;
  if (meta === undefined) return fail("metadata of the column", "none");
  if (meta.type !== leaf.element.type) return fail("the schema's type", meta.type);
  if (meta.codec === undefined) return fail("a known codec", "another");
  const dictionary = Number(meta.dictionary_page_offset ?? 0);
  const data = Number(meta.data_page_offset);
  const start = dictionary > 0 && dictionary < data ? dictionary : data;
  const size = Number(meta.total_compressed_size);
  if (!(start >= headBytes && size >= 0 && start + size <= end)) {
    return fail("a column inside the file", `${size} bytes at ${start}`);
  }
  return {
    metadata: meta,
    start,
    // Old versions of parquet-mr leave the dictionary's header out of the size (PARQUET-816).
    end: Math.min(start + size + 100, end),
    values: Number(meta.num_values),
    uncompressedBytes: Number(meta.total_uncompressed_size),
  };
}

function leavesOf(path: SchemaTree[]): LeafColumn[] {
  const { children, path: names, element } = path.at(-1)!;
  if (path.length > 1 && children.length === 0) {
    const repetitions = path.map(({ element }) => element.repetition_type);
    return [{
      path: names,
      element,
      maxDefinition: repetitions.slice(1).filter((type) => type !== "REQUIRED").length,
      maxRepetition: repetitions.filter((type) => type === "REPEATED").length,
    }];
  }
  return children.flatMap((child) => leavesOf([...path, child]));
}
