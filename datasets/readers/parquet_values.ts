/**
 * The values of a parquet page: levels and plain values by `hyparquet`, checked before and after; logical types exact.
 */
import { convert } from "hyparquet/src/convert.js";
import { readDataPage, readDataPageV2 } from "hyparquet/src/datapage.js";
import { readPlain } from "hyparquet/src/plain.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from "hyparquet/src/schema.js";
import type { DecodedArray, PageHeader, SchemaTree } from "hyparquet";
import { maxPageBytes } from "./parquet_codecs.ts";
import { checkAtMost, checkDelta, checkPrefixes, checkRuns } from "./parquet_checks.ts";
import { DataError } from "./data_error.ts";
import { instant } from "./moments.ts";
import { decimal, parsers } from "./parquet_types.ts";

/** Values a page may have: of text columns some ten thousand; a page of one repeated value can claim any number. */
export const maxPageValues = 2 ** 23;

/** A leaf column: its place in the schema, and what `hyparquet` wants to know of it. */
export interface LeafColumn {
  readonly path: readonly string[];
  readonly schemaPath: SchemaTree[];
  readonly maxDefinition: number;
  readonly maxRepetition: number;
}

export function leafColumn(schemaPath: SchemaTree[]): LeafColumn {
  return {
    path: schemaPath.at(-1)!.path,
    schemaPath,
    maxDefinition: getMaxDefinitionLevel(schemaPath),
    maxRepetition: getMaxRepetitionLevel(schemaPath),
  };
}

export interface PageValues {
  readonly definitionLevels: number[];
  readonly repetitionLevels: number[];
  /** Of present values only, of the column's logical type. */
  readonly values: DecodedArray;
}

/** The entries of a dictionary page. @throws DataError */
export function dictionaryOf(
  page: Uint8Array,
  header: PageHeader,
  column: LeafColumn,
): DecodedArray {
  const { element } = column.schemaPath.at(-1)!;
  const count = header.dictionary_page_header?.num_values ?? -1;
  if (!(count >= 0 && count <= page.length * 8)) {
    throw new DataError(
      `expected a dictionary of at most ${page.length * 8} values, found ${count}`,
    );
  }
  if (element.type === "INT96") return int96Moments(page, 0, count);
  const reader = { view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset: 0 };
  return converted(readPlain(reader, element.type!, count, element.type_length), column);
}

/**
 * The values of a data page whose values are unpacked; of a page of version 2 the levels come first, as they are stored.
 * @throws DataError when what the page says of itself does not hold.
 */
export function valuesOf(
  page: Uint8Array,
  header: PageHeader,
  column: LeafColumn,
  dictionary: DecodedArray | undefined,
): PageValues {
  const { maxDefinition, maxRepetition, schemaPath } = column;
  const { element } = schemaPath.at(-1)!;
  const v2 = header.data_page_header_v2;
  const { num_values: count, encoding } = (v2 ?? header.data_page_header)!;
  const valuesStart = v2 === undefined
    ? checkLevels(page, header, column, count)
    : checkLevelsV2(page, header, column, count);
  const type = element.type!;
  const decoder = { type, element, schemaPath, pathInSchema: [...column.path], parsers } as never;
  const isIndexed = encoding === "PLAIN_DICTIONARY" || encoding === "RLE_DICTIONARY";
  if (isIndexed && dictionary === undefined) {
    throw new DataError("expected a dictionary page before indices, found none");
  }
  if (encoding === "RLE" && type !== "BOOLEAN") {
    throw new DataError(`expected booleans with encoding RLE, found ${type}`);
  }
  const present = presentValues(page, header, column, count);
  if (v2 !== undefined && v2.num_values - v2.num_nulls !== present) {
    throw new DataError(
      `expected ${present} values that are not null, found ${v2.num_values - v2.num_nulls}`,
    );
  }
  checkValues(page, valuesStart, present, encoding, type, element.type_length, v2 !== undefined);
  const { definitionLevels = [], repetitionLevels, dataPage } = v2 === undefined
    ? readDataPage(page, header.data_page_header!, decoder)
    : readDataPageV2(page, {
      ...header,
      uncompressed_page_size: page.length,
      data_page_header_v2: { ...v2, is_compressed: false },
    }, decoder);
  if (dataPage.length !== present) {
    throw new DataError(`expected ${present} values, found ${dataPage.length}`);
  }
  checkAtMost(repetitionLevels, maxRepetition, "a repetition level");
  checkAtMost(definitionLevels ?? [], maxDefinition, "a definition level");
  if (isIndexed) {
    checkAtMost(dataPage as ArrayLike<number>, dictionary!.length - 1, "a dictionary index");
    const values = new Array(dataPage.length);
    for (let i = 0; i < values.length; i++) values[i] = dictionary![dataPage[i] as number];
    return { definitionLevels, repetitionLevels, values };
  }
  const values = type === "INT96" && encoding === "PLAIN"
    ? int96Moments(page, valuesStart, present)
    : converted(dataPage, column);
  return { definitionLevels, repetitionLevels, values };
}

/**
 * Nanoseconds of a day, then the Julian day. Read here, because Spark counts in microseconds of 64 bits, which go round for
 * years far off: the nanoseconds are then below 0, and `hyparquet` loses the day.
 */
function int96Moments(page: Uint8Array, start: number, count: number): DecodedArray {
  if (start + 12 * count > page.length) {
    throw new DataError(`expected ${count} moments, found fewer`);
  }
  const view = new DataView(page.buffer, page.byteOffset + start, 12 * count);
  return Array.from({ length: count }, (_, i) => {
    const day = BigInt(view.getInt32(12 * i + 8, true)) - 2_440_588n;
    const nanos = day * 86_400_000_000_000n + view.getBigInt64(12 * i, true);
    return instant(BigInt.asIntN(64, nanos / 1000n) * 1000n + nanos % 1000n, 9);
  });
}

/** Levels of version 1 have their length before them. Gives the place of the values. */
function checkLevels(
  page: Uint8Array,
  { data_page_header }: PageHeader,
  column: LeafColumn,
  count: number,
): number {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let at = 0;
  const levels = [
    ["repetition levels", column.maxRepetition, data_page_header!.repetition_level_encoding],
    ["definition levels", column.maxDefinition, data_page_header!.definition_level_encoding],
  ] as const;
  for (const [what, max, encoding] of levels) {
    if (max === 0) continue;
    if (encoding !== "RLE") {
      throw new DataError(`expected ${what} with encoding RLE, found ${encoding}`);
    }
    if (at + 4 > page.length) throw new DataError(`expected ${what}, found the end of the page`);
    const end = at + 4 + view.getUint32(at, true);
    checkRuns(view, at + 4, end, bitWidth(max), count, what);
    at = end;
  }
  return at;
}

function checkLevelsV2(
  page: Uint8Array,
  { data_page_header_v2 }: PageHeader,
  column: LeafColumn,
  count: number,
): number {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const {
    repetition_levels_byte_length: repetitionBytes,
    definition_levels_byte_length: definitionBytes,
  } = data_page_header_v2!;
  const end = repetitionBytes + definitionBytes;
  if (column.maxRepetition > 0) {
    checkRuns(view, 0, repetitionBytes, bitWidth(column.maxRepetition), count, "repetition levels");
  }
  if (column.maxDefinition > 0) {
    checkRuns(
      view,
      repetitionBytes,
      end,
      bitWidth(column.maxDefinition),
      count,
      "definition levels",
    );
  }
  return end;
}

/** How many of the page's values are not null, by its definition levels. */
function presentValues(
  page: Uint8Array,
  header: PageHeader,
  column: LeafColumn,
  count: number,
): number {
  if (column.maxDefinition === 0) return count;
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let at: number;
  if (header.data_page_header_v2 !== undefined) {
    at = header.data_page_header_v2.repetition_levels_byte_length;
  } else at = (column.maxRepetition > 0 ? 4 + view.getUint32(0, true) : 0) + 4;
  return countEqual(page, at, bitWidth(column.maxDefinition), count, column.maxDefinition);
}

/** How many of the `count` values in runs from `at` on equal `wanted`; the runs have been checked. */
function countEqual(
  bytes: Uint8Array,
  at: number,
  width: number,
  count: number,
  wanted: number,
): number {
  let equal = 0;
  for (let seen = 0; seen < count;) {
    let header = 0;
    for (let shift = 0;; shift += 7) {
      const byte = bytes[at++];
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const run = Math.floor(header / 2);
    if (header % 2 === 0) {
      let value = 0;
      for (let i = 0; i < Math.ceil(width / 8); i++) value += bytes[at++] * 2 ** (8 * i);
      if (value === wanted) equal += run;
      seen += run;
      continue;
    }
    const values = Math.min(run * 8, count - seen);
    for (let i = 0; i < values; i++) {
      const bit = i * width;
      let value = 0;
      for (let b = 0; b < width; b++) {
        value |= (bytes[at + (bit + b >> 3)] >> (bit + b & 7) & 1) << b;
      }
      if (value === wanted) equal++;
    }
    at += run * width;
    seen += run * 8;
  }
  return equal;
}

function checkValues(
  page: Uint8Array,
  start: number,
  count: number,
  encoding: string,
  type: string,
  typeLength: number | undefined,
  isV2: boolean,
): void {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const left = page.length - start;
  const values = page.subarray(start);
  if (count === 0) return;
  switch (encoding) {
    case "PLAIN_DICTIONARY":
    case "RLE_DICTIONARY": {
      if (left < 1) throw new DataError("expected indices, found the end of the page");
      const width = page[start];
      if (width > 0 || isV2) checkRuns(view, start + 1, page.length, width, count, "indices");
      return;
    }
    case "RLE": {
      if (left < 4) throw new DataError("expected booleans, found the end of the page");
      const end = start + 4 + view.getUint32(start, true);
      checkRuns(view, start + 4, end, 1, count, "booleans");
      return;
    }
    case "DELTA_BINARY_PACKED":
    case "DELTA_LENGTH_BYTE_ARRAY":
      checkDelta(values, 0, count);
      return;
    case "DELTA_BYTE_ARRAY":
      checkPrefixes(values.slice(), count, maxPageBytes);
      return;
    case "BYTE_STREAM_SPLIT": {
      const width = { INT32: 4, FLOAT: 4, INT64: 8, DOUBLE: 8 }[type] ?? typeLength ?? 0;
      if (width * count > left) {
        throw new DataError(`expected ${width * count} bytes, found ${left}`);
      }
      return;
    }
    case "PLAIN":
      return;
    default:
      throw new DataError(`expected a known encoding, found ${encoding}`);
  }
}

function converted(values: DecodedArray, column: LeafColumn): DecodedArray {
  const { element } = column.schemaPath.at(-1)!;
  const { converted_type: type, logical_type: logical } = element;
  if (type === "DECIMAL" || logical?.type === "DECIMAL") {
    const scale = element.scale ?? (logical?.type === "DECIMAL" ? logical.scale : 0) ?? 0;
    return Array.from(values as ArrayLike<unknown>, (value) => decimal(value, scale));
  }
  if (type === "INTERVAL" || type === "BSON") return values; // bytes, as they are
  const decoder = { element, schemaPath: column.schemaPath, parsers, utf8: false } as never;
  return convert(values, decoder);
}

function bitWidth(max: number): number {
  return 32 - Math.clz32(max);
}
