/**
 * Headers of parquet pages. `hyparquet` reads them too, but does not give them out.
 *
 * Source: parquet-format, parquet.thrift.
 */
import type { Encoding } from "hyparquet";
import { DataError } from "./data_error.ts";
import type { Struct } from "./thrift.ts";

const kinds = ["DATA_PAGE", "INDEX_PAGE", "DICTIONARY_PAGE", "DATA_PAGE_V2"] as const;
const encodings: readonly (Encoding | undefined)[] = [
  "PLAIN",
  undefined,
  "PLAIN_DICTIONARY",
  "RLE",
  "BIT_PACKED",
  "DELTA_BINARY_PACKED",
  "DELTA_LENGTH_BYTE_ARRAY",
  "DELTA_BYTE_ARRAY",
  "RLE_DICTIONARY",
  "BYTE_STREAM_SPLIT",
];

export interface PageHeader {
  readonly kind: typeof kinds[number];
  readonly storedBytes: number;
  readonly unpackedBytes: number;
  readonly checksum?: number;
  /** Values with nulls: level entries; of a dictionary its entries. */
  readonly values: number;
  readonly encoding?: Encoding;
  /** Of a page of version 1. */
  readonly levelEncodings: readonly (Encoding | undefined)[];
  /** Of a page of version 2, whose levels come first and are never compressed. */
  readonly v2?: {
    readonly nulls: number;
    readonly repetitionBytes: number;
    readonly definitionBytes: number;
    readonly isPacked: boolean;
  };
}

export function isIndexed({ encoding }: PageHeader): boolean {
  return encoding === "PLAIN_DICTIONARY" || encoding === "RLE_DICTIONARY";
}

/** @throws DataError for a page of an unknown kind, or without the header of its kind */
export function headerOf(struct: Struct): PageHeader {
  const kind = kinds[struct.number(1) ?? -1];
  if (kind === undefined) {
    throw new DataError(`expected a page of a known kind, found ${struct.number(1)}`);
  }
  const v1 = struct.struct(5);
  const v2 = struct.struct(8);
  const own = {
    DATA_PAGE: v1,
    INDEX_PAGE: struct,
    DICTIONARY_PAGE: struct.struct(7),
    DATA_PAGE_V2: v2,
  };
  const counts = own[kind];
  if (counts === undefined) throw new DataError("expected a page with its header, found none");
  if (kind === "DATA_PAGE" && v2 !== undefined) {
    throw new DataError("expected a page of one version, found headers of two");
  }
  const encodingOf = (field: number) => encodings[counts.number(field) ?? -1];
  return {
    kind,
    unpackedBytes: struct.number(2) ?? -1,
    storedBytes: struct.number(3) ?? -1,
    checksum: struct.number(4),
    values: counts.number(1) ?? -1,
    encoding: encodingOf(kind === "DATA_PAGE_V2" ? 4 : 2),
    levelEncodings: [encodingOf(4), encodingOf(3)],
    v2: kind === "DATA_PAGE_V2"
      ? {
        nulls: counts.number(2) ?? -1,
        definitionBytes: counts.number(5) ?? -1,
        repetitionBytes: counts.number(6) ?? -1,
        isPacked: counts.flag(7) ?? true,
      }
      : undefined,
  };
}
