/**
 * Logical types of parquet columns: exact values, and names for people.
 */
import type { SchemaElement, SchemaTree } from "hyparquet";
import { DataError } from "./data_error.ts";
import { parseExactly } from "./json_number.ts";
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
    return bytes && parseExactly(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
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
  if (value === undefined || value === null) return undefined;
  const found = instant(value, digits);
  return found instanceof Date ? new KeyDate(found) : found;
}

/** A key of a map becomes text inside `hyparquet`: whole, and the same in every time zone. */
class KeyDate extends Date {
  override toString(): string {
    return this.toISOString();
  }
}

/** Leaves whose values `hyparquet` would round, lose or refuse: for it, they have no logical type. */
export function storedElement(element: SchemaElement): SchemaElement {
  const { type, converted_type: converted, logical_type: logical } = element;
  const stored = { ...element, converted_type: undefined, logical_type: undefined };
  if (type === "INT96") return { ...stored, type: "FIXED_LEN_BYTE_ARRAY", type_length: 12 };
  const isOurs = isDecimal(element) || converted === "INTERVAL" || converted === "BSON" ||
    logical?.type === "INTERVAL" || logical?.type === "BSON";
  return isOurs ? stored : element;
}

/** Turns the values that `hyparquet` read by `storedElement` into exact ones; undefined for columns without such leaves. */
export function exactValues(tree: SchemaTree): ((value: unknown) => unknown) | undefined {
  const exact = exactInside(tree);
  if (exact === undefined) return undefined;
  const unlessNull = (value: unknown) =>
    value === null || value === undefined ? value : exact(value);
  if (tree.element.repetition_type !== "REPEATED") return unlessNull;
  return (value) => Array.isArray(value) ? value.map(unlessNull) : unlessNull(value);
}

function exactInside(tree: SchemaTree): ((value: unknown) => unknown) | undefined {
  const { element, children } = tree;
  switch (groupKind(tree)) {
    case "leaf":
      if (element.type === "INT96") return (value) => int96Moment(value as Uint8Array);
      return isDecimal(element) ? (value) => decimal(value, scaleOf(element)) : undefined;
    case "list": {
      const item = exactValues(listItem(tree));
      return item && ((value) => Array.isArray(value) ? value.map(item) : value);
    }
    case "map": {
      const [key, item] = children[0].children;
      const [exactName, exact] = [exactKey(key), exactValues(item)];
      if (exactName === undefined && exact === undefined) return undefined;
      return (value) => mapEntries(value, exactName, () => exact);
    }
    case "struct": {
      const fields = new Map(children.map((child) => [child.element.name, exactValues(child)]));
      if (children.every((child) => fields.get(child.element.name) === undefined)) return undefined;
      return (value) => mapEntries(value, undefined, (name) => fields.get(name));
    }
  }
}

function mapEntries(
  value: unknown,
  exactName: ((name: string) => string) | undefined,
  exactOf: (name: string) => ((value: unknown) => unknown) | undefined,
): unknown {
  return Object.fromEntries(
    Object.entries(value as object).map((
      [name, inner],
    ) => [exactName?.(name) ?? name, exactOf(name)?.(inner) ?? inner]),
  );
}

/** The keys of a map, which `hyparquet` has turned into text: an integer, or bytes with commas between them. */
function exactKey(key: SchemaTree): ((text: string) => string) | undefined {
  const exact = exactValues(key);
  if (exact === undefined || key.children.length > 0) return undefined;
  const isInteger = key.element.type === "INT32" || key.element.type === "INT64";
  return (text) => {
    const value = exact(isInteger ? BigInt(text) : Uint8Array.from(text.split(","), Number));
    return value instanceof Date ? value.toISOString() : String(value);
  };
}

function isDecimal({ converted_type, logical_type }: SchemaElement): boolean {
  return converted_type === "DECIMAL" || logical_type?.type === "DECIMAL";
}

function scaleOf({ scale, logical_type: logical }: SchemaElement): number {
  return scale ?? (logical?.type === "DECIMAL" ? logical.scale : 0);
}

/** An unscaled integer, or its big-endian bytes, over 10^scale. */
function decimal(value: unknown, scale: number): number | string {
  return decimalOf(
    value instanceof Uint8Array ? bigEndian(value) : BigInt(value as number | bigint),
    scale,
  );
}

/**
 * Nanoseconds of a day, then the Julian day. Spark counts in microseconds of 64 bits, which go round for years far off: the
 * nanoseconds are then below 0, and `hyparquet` loses the day.
 */
function int96Moment(bytes: Uint8Array): Date | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 12);
  const day = BigInt(view.getInt32(8, true)) - 2_440_588n;
  const nanos = day * 86_400_000_000_000n + view.getBigInt64(0, true);
  return instant(BigInt.asIntN(64, nanos / 1000n) * 1000n + nanos % 1000n, 9);
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

/** What a part of the schema is, as `hyparquet` sees it. */
function groupKind({ element, children }: SchemaTree): "leaf" | "list" | "map" | "struct" {
  if (children.length === 0) return "leaf";
  const [inner] = children;
  if (children.length === 1 && inner.element.repetition_type === "REPEATED") {
    if (element.converted_type === "LIST" && inner.children.length <= 1) return "list";
    const isRepeated = inner.children.some((child) => child.element.repetition_type === "REPEATED");
    if (element.converted_type === "MAP" && inner.children.length === 2 && !isRepeated) {
      return "map";
    }
  }
  return "struct";
}

function listItem({ children: [inner] }: SchemaTree): SchemaTree {
  const [item] = inner.children;
  if (item !== undefined) return item;
  // The repeated leaf is the list itself: its items are not lists again.
  return { ...inner, element: { ...inner.element, repetition_type: "REQUIRED" } };
}

/** A type in words: `string`, `list<int64>`, `struct<a: double>`. */
export function typeName(tree: SchemaTree): string {
  const name = nameInside(tree);
  return tree.element.repetition_type === "REPEATED" ? `list<${name}>` : name;
}

function nameInside(tree: SchemaTree): string {
  const { element, children } = tree;
  switch (groupKind(tree)) {
    case "leaf":
      return leafName(element);
    case "list":
      return `list<${typeName(listItem(tree))}>`;
    case "map":
      return `map<${children[0].children.map(typeName).join(", ")}>`;
    case "struct":
      return `struct<${
        children.map((child) => `${child.element.name}: ${typeName(child)}`).join(", ")
      }>`;
  }
}

function leafName({ type, converted_type, logical_type, type_length }: SchemaElement): string {
  if (converted_type === "UTF8" || logical_type?.type === "STRING") return "string";
  const logical = logical_type?.type ?? converted_type;
  const physical = type === "FIXED_LEN_BYTE_ARRAY" ? `bytes[${type_length}]` : ({
    BYTE_ARRAY: "bytes",
  } as Record<string, string>)[type!] ?? type!.toLowerCase();
  return logical === undefined ? physical : `${logical.toLowerCase()} (${physical})`;
}
