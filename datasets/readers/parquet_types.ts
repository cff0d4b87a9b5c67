/**
 * Logical types of parquet columns: exact values, and names for people.
 */
import type { SchemaElement, SchemaTree } from "hyparquet";
import { isListLike, isMapLike } from "hyparquet/src/schema.js";
import { DataError } from "./data_error.ts";
import { decimalOf, instant } from "./moments.ts";

/** How `hyparquet` makes values of logical types. Text is strict: a replacement character would be a guess. */
export const parsers = {
  timestampFromMilliseconds: (value: bigint) => moment(value, 3),
  timestampFromMicroseconds: (value: bigint) => moment(value, 6),
  timestampFromNanoseconds: (value: bigint) => moment(value, 9),
  dateFromDays: (days: number | undefined) =>
    days == null ? days : moment(BigInt(days) * 86_400n, 0),
  stringFromBytes(bytes: Uint8Array | undefined) {
    if (bytes === undefined) return bytes;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new DataError("expected UTF-8, found other bytes");
    }
  },
  jsonFromBytes(bytes: Uint8Array | undefined) {
    return bytes && JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  },
  geometryFromBytes: (bytes: Uint8Array) => bytes,
  geographyFromBytes: (bytes: Uint8Array) => bytes,
  uuidFromBytes(bytes: Uint8Array | undefined) {
    if (bytes === undefined) return bytes;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  },
};

/** Columns of nullable values hold gaps. */
function moment(value: bigint | undefined, digits: number): Date | string | undefined {
  return value === undefined || value === null ? undefined : instant(value, digits);
}

/** An unscaled integer, or its big-endian bytes, over 10^scale. */
export function decimal(value: unknown, scale: number): number | string {
  return decimalOf(
    value instanceof Uint8Array ? bigEndian(value) : BigInt(value as number | bigint),
    scale,
  );
}

function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = value << 8n | BigInt(byte);
  return bytes.length > 0 && bytes[0] > 127 ? value - (1n << BigInt(8 * bytes.length)) : value;
}

/**
 * Marks groups of the schema as lists and maps where `hyparquet` would not see them: files that only have the newer mark,
 * the older mark of maps, and maps without values, which are lists of their keys.
 * Source: parquet-format, LogicalTypes.md, Nested Types.
 */
export function markNested({ element, children }: SchemaTree): void {
  for (const child of children) markNested(child);
  const { element: inner, children: fields } = children[0] ?? { children: [] };
  if (children.length !== 1 || inner.repetition_type !== "REPEATED") return;
  const mark = element.logical_type?.type ?? element.converted_type;
  if (mark === "LIST") element.converted_type = "LIST";
  else if (mark === "MAP" || mark === "MAP_KEY_VALUE") {
    element.converted_type = fields.length === 1 ? "LIST" : "MAP";
  }
}

/** A type in words: `string`, `list<int64>`, `struct<a: double>`. */
export function typeName(tree: SchemaTree): string {
  const { element, children } = tree;
  const name = children.length === 0
    ? leafName(element)
    : isListLike(tree)
    ? `list<${typeName(children[0].children[0] ?? children[0])}>`
    : isMapLike(tree)
    ? `map<${children[0].children.map(typeName).join(", ")}>`
    : `struct<${children.map((child) => `${child.element.name}: ${typeName(child)}`).join(", ")}>`;
  return element.repetition_type === "REPEATED" ? `list<${name}>` : name;
}

function leafName({ type, converted_type, logical_type, type_length }: SchemaElement): string {
  if (converted_type === "UTF8" || logical_type?.type === "STRING") return "string";
  const logical = logical_type?.type ?? converted_type;
  const physical = type === "FIXED_LEN_BYTE_ARRAY" ? `bytes[${type_length}]` : ({
    BYTE_ARRAY: "bytes",
  } as Record<string, string>)[type!] ?? type!.toLowerCase();
  return logical === undefined ? physical : `${logical.toLowerCase()} (${physical})`;
}
