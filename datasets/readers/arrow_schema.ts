/**
 * Arrow's schema: fields and their types.
 *
 * Source: Arrow columnar format 1.5, Schema.fbs.
 */
import { DataError } from "./data_error.ts";
import type { FlatTable } from "./flatbuffer.ts";

/** Decimal digits of a unit of time: seconds, ms, µs, ns. */
export type TimeDigits = 0 | 3 | 6 | 9;

export type ArrowType =
  | { readonly kind: "null" }
  | { readonly kind: "int"; readonly bits: number; readonly isSigned: boolean }
  | { readonly kind: "float"; readonly bits: number }
  | { readonly kind: "bool" }
  | { readonly kind: "decimal"; readonly bits: number; readonly scale: number }
  | { readonly kind: "date"; readonly isDays: boolean }
  | { readonly kind: "time" | "duration"; readonly bits: number; readonly digits: TimeDigits }
  | { readonly kind: "timestamp"; readonly digits: TimeDigits }
  | { readonly kind: "interval"; readonly unit: "months" | "days" | "nanoseconds" }
  /** Bytes or text by offsets. */
  | { readonly kind: "binary"; readonly isText: boolean; readonly isLarge: boolean }
  | { readonly kind: "view"; readonly isText: boolean }
  | { readonly kind: "fixed-binary"; readonly bytes: number }
  | { readonly kind: "list"; readonly isLarge: boolean; readonly isMap: boolean }
  | { readonly kind: "list-view"; readonly isLarge: boolean }
  | { readonly kind: "fixed-list"; readonly size: number }
  | { readonly kind: "struct" }
  | { readonly kind: "union"; readonly isDense: boolean; readonly typeIds: readonly number[] }
  | { readonly kind: "run-end" };

export interface ArrowField {
  readonly name: string;
  readonly type: ArrowType;
  readonly children: readonly ArrowField[];
  /** Values lie in a dictionary; the column has indices. */
  readonly dictionary?: { readonly id: number; readonly bits: number; readonly isSigned: boolean };
}

export interface ArrowSchema {
  readonly isLittleEndian: boolean;
  readonly fields: readonly ArrowField[];
}

/** Nesting deeper than this does not occur in files that people write. */
const maxDepth = 64;

export function schemaOf(table: FlatTable): ArrowSchema {
  const fields = table.tables(1).map((field) => fieldOf(field, 0));
  return { isLittleEndian: table.int16(0) === 0, fields: withUniqueNames(fields) };
}

function fieldOf(table: FlatTable, depth: number): ArrowField {
  if (depth > maxDepth) {
    throw new DataError(`schema: expected at most ${maxDepth} levels, found more`);
  }
  const name = table.string(0);
  const children = withUniqueNames(table.tables(5).map((child) => fieldOf(child, depth + 1)));
  const type = typeOf(table.uint8(2), table.table(3), name);
  checkChildren(name, type, children);
  const encoding = table.table(4);
  if (encoding === undefined) return { name, type, children };
  const index = encoding.table(1);
  const bits = index?.int32(0) ?? 32;
  if (![8, 16, 32, 64].includes(bits)) {
    throw new DataError(`schema, field "${name}": expected indices of 8 to 64 bits, found ${bits}`);
  }
  const dictionary = { id: encoding.int64(0), bits, isSigned: index?.bool(1) ?? true };
  return { name, type, children, dictionary };
}

function typeOf(kind: number, table: FlatTable | undefined, name: string): ArrowType {
  const fail = (expected: string, found: unknown): never => {
    throw new DataError(`schema, field "${name}": expected ${expected}, found ${found}`);
  };
  const oneOf = (what: string, found: number, known: readonly number[]) =>
    known.includes(found) ? found : fail(`${what} of ${known.join(", ")}`, found);
  const digits = (unit: number) => 3 * oneOf("a unit of time", unit, [0, 1, 2, 3]) as TimeDigits;
  const type = table ?? fail("a type", "none");
  switch (kind) {
    case 1:
      return { kind: "null" };
    case 2:
      return {
        kind: "int",
        bits: oneOf("bits", type.int32(0), [8, 16, 32, 64]),
        isSigned: type.bool(1),
      };
    case 3:
      return { kind: "float", bits: 16 << oneOf("a precision", type.int16(0), [0, 1, 2]) };
    case 4:
    case 5:
      return { kind: "binary", isText: kind === 5, isLarge: false };
    case 6:
      return { kind: "bool" };
    case 7:
      return {
        kind: "decimal",
        bits: oneOf("bits", type.int32(2, 128), [32, 64, 128, 256]),
        scale: type.int32(1),
      };
    case 8:
      return { kind: "date", isDays: oneOf("a unit of dates", type.int16(0, 1), [0, 1]) === 0 };
    case 9:
      return {
        kind: "time",
        digits: digits(type.int16(0, 1)),
        bits: oneOf("bits", type.int32(1, 32), [32, 64]),
      };
    case 10:
      return { kind: "timestamp", digits: digits(type.int16(0)) };
    case 11:
      return {
        kind: "interval",
        unit: (["months", "days", "nanoseconds"] as const)[
          oneOf("a unit of intervals", type.int16(0), [0, 1, 2])
        ],
      };
    case 12:
    case 17:
    case 21:
      return { kind: "list", isLarge: kind === 21, isMap: kind === 17 };
    case 13:
      return { kind: "struct" };
    case 14:
      return { kind: "union", isDense: type.int16(0) === 1, typeIds: type.int32s(1) };
    case 15: {
      const bytes = type.int32(0);
      return bytes >= 0 ? { kind: "fixed-binary", bytes } : fail("a width", bytes);
    }
    case 16: {
      const size = type.int32(0);
      return size >= 0 ? { kind: "fixed-list", size } : fail("a size", size);
    }
    case 18:
      return { kind: "duration", digits: digits(type.int16(0, 1)), bits: 64 };
    case 19:
    case 20:
      return { kind: "binary", isText: kind === 20, isLarge: true };
    case 22:
      return { kind: "run-end" };
    case 23:
    case 24:
      return { kind: "view", isText: kind === 24 };
    case 25:
    case 26:
      return { kind: "list-view", isLarge: kind === 26 };
    default:
      return fail("a known type", `number ${kind}`);
  }
}

function checkChildren(name: string, type: ArrowType, children: readonly ArrowField[]): void {
  const wanted = { list: 1, "list-view": 1, "fixed-list": 1, "run-end": 2 }[type.kind as string];
  const found = children.length;
  if (wanted !== undefined && found !== wanted) {
    throw new DataError(`schema, field "${name}": expected ${wanted} children, found ${found}`);
  }
  const entry = children[0];
  if (
    type.kind === "list" && type.isMap &&
    (entry.type.kind !== "struct" || entry.children.length !== 2)
  ) {
    throw new DataError(
      `schema, field "${name}": expected a map of keys and values, found another`,
    );
  }
  const runs = type.kind === "run-end" ? children[0].type : undefined;
  if (runs !== undefined && (runs.kind !== "int" || children[0].dictionary !== undefined)) {
    throw new DataError(`schema, field "${name}": expected ends of runs as integers, found others`);
  }
}

/** Records are keyed by name: of fields with one name, the second is called `name#2`, so that none is lost. */
function withUniqueNames(fields: readonly ArrowField[]): ArrowField[] {
  const seen = new Map<string, number>();
  return fields.map((field) => {
    const number = (seen.get(field.name) ?? 0) + 1;
    seen.set(field.name, number);
    return number === 1 ? field : { ...field, name: `${field.name}#${number}` };
  });
}

/** A type in words: `int32`, `list<utf8>`, `dictionary<utf8>`. */
export function arrowTypeName({ type, children, dictionary }: ArrowField): string {
  const name = valueTypeName(type, children);
  return dictionary === undefined ? name : `dictionary<${name}>`;
}

function valueTypeName(type: ArrowType, children: readonly ArrowField[]): string {
  const inner = children.map(arrowTypeName);
  const named = children.map(({ name }, i) => `${name}: ${inner[i]}`).join(", ");
  const unit = "digits" in type ? { 0: "s", 3: "ms", 6: "us", 9: "ns" }[type.digits] : "";
  switch (type.kind) {
    case "int":
      return `${type.isSigned ? "" : "u"}int${type.bits}`;
    case "float":
      return `float${type.bits}`;
    case "decimal":
      return `decimal${type.bits}`;
    case "date":
      return type.isDays ? "date32" : "date64";
    case "time":
    case "duration":
    case "timestamp":
      return `${type.kind}[${unit}]`;
    case "interval":
      return `interval[${type.unit}]`;
    case "binary":
      return `${type.isLarge ? "large_" : ""}${type.isText ? "utf8" : "binary"}`;
    case "view":
      return type.isText ? "utf8_view" : "binary_view";
    case "fixed-binary":
      return `binary[${type.bytes}]`;
    case "list":
      return type.isMap
        ? `map<${inner[0].slice(7, -1)}>`
        : `${type.isLarge ? "large_" : ""}list<${inner[0]}>`;
    case "list-view":
      return `${type.isLarge ? "large_" : ""}list_view<${inner[0]}>`;
    case "fixed-list":
      return `list<${inner[0]}>[${type.size}]`;
    case "struct":
      return `struct<${named}>`;
    case "union":
      return `${type.isDense ? "dense" : "sparse"}_union<${named}>`;
    case "run-end":
      return `run_end<${inner[1]}>`;
    case "null":
    case "bool":
      return type.kind;
  }
}
