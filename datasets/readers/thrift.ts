/**
 * Structs of Thrift's compact protocol, as parquet has them before each page: `hyparquet` does not give them out.
 *
 * Source: apache/thrift, "Thrift Compact protocol encoding". Sets and maps do not occur in parquet.
 */
import { DataError } from "./data_error.ts";

type Value = number | boolean | Struct | readonly Value[] | undefined;

/** A struct: its values by the numbers of their fields. Text and doubles are left out. */
export class Struct {
  readonly #fields: ReadonlyMap<number, Value>;

  constructor(fields: ReadonlyMap<number, Value>) {
    this.#fields = fields;
  }

  number(field: number): number | undefined {
    const value = this.#fields.get(field);
    return typeof value === "number" ? value : undefined;
  }

  flag(field: number): boolean | undefined {
    const value = this.#fields.get(field);
    return typeof value === "boolean" ? value : undefined;
  }

  struct(field: number): Struct | undefined {
    const value = this.#fields.get(field);
    return value instanceof Struct ? value : undefined;
  }

  structs(field: number): Struct[] {
    const value = this.#fields.get(field);
    return Array.isArray(value) ? value.filter((item) => item instanceof Struct) : [];
  }
}

/** Reads the struct that bytes start with, and says where it ends. @throws RangeError or DataError when it is damaged */
export function readStruct(bytes: Uint8Array): { struct: Struct; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1;; factor *= 128) {
      const byte = view.getUint8(at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  const zigzag = (): number => {
    const value = varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  };
  const struct = (): Struct => {
    const fields = new Map<number, Value>();
    let field = 0;
    for (let head = view.getUint8(at++); (head & 15) !== 0; head = view.getUint8(at++)) {
      field = head >> 4 === 0 ? zigzag() : field + (head >> 4);
      fields.set(field, value(head & 15));
    }
    return new Struct(fields);
  };
  const list = (): Value[] => {
    const head = view.getUint8(at++);
    const length = head >> 4 === 15 ? varint() : head >> 4;
    if (length > bytes.length - at) throw new DataError("expected a list, found the end");
    const kind = head & 15;
    // A flag in a list takes a byte of its own.
    return Array.from({ length }, () => value(kind === 1 || kind === 2 ? 3 : kind));
  };
  const value = (kind: number): Value => {
    switch (kind) {
      case 1:
      case 2:
        return kind === 1;
      case 3:
        return view.getInt8(at++);
      case 4:
      case 5:
      case 6:
        return zigzag();
      case 7:
        at += 8;
        return undefined;
      case 8: {
        const length = varint();
        at += length;
        return undefined;
      }
      case 9:
        return list();
      case 12:
        return struct();
      default:
        throw new DataError(`expected a value of a known kind, found kind ${kind}`);
    }
  };
  return { struct: struct(), end: at };
}
