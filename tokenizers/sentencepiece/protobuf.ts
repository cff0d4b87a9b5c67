/**
 * Protocol buffers' wire format, as far as SentencePiece models need it.
 *
 * Source: protobuf.dev, "Encoding".
 */

/** A field as it stands in a message. */
export interface WireField {
  readonly number: number;
  /** Varints (as unsigned numbers; beyond 2^53 rounded) and 32-bit values (their bits); strings, bytes and messages. */
  readonly value: number | Uint8Array;
  /** Where the field begins and ends in the message's bytes. */
  readonly start: number;
  readonly end: number;
}

/** What is wrong with a message, and at which of its bytes. */
export class WireError extends Error {
  constructor(readonly at: number, readonly expected: string, readonly found: string) {
    super(`byte ${at}: expected ${expected}, found ${found}`);
  }
}

/** The fields of a message in their order. @throws WireError at the first that is damaged */
export function* readFields(bytes: Uint8Array): Generator<WireField> {
  for (let at = 0; at < bytes.length;) {
    const start = at;
    const tag = readVarint(bytes, at);
    at = tag.end;
    const [number, kind] = [Math.floor(tag.value / 8), tag.value % 8];
    if (number === 0 || number > 0x1fffffff) {
      throw new WireError(start, "a field number", `${number}`);
    }
    if (kind === 0) {
      const { value, end } = readVarint(bytes, at);
      yield { number, value, start, end };
      at = end;
    } else if (kind === 2) {
      const { value: length, end: from } = readVarint(bytes, at);
      if (length > bytes.length - from) {
        throw new WireError(start, `${length} bytes of field ${number}`, `${bytes.length - from}`);
      }
      at = from + length;
      yield { number, value: bytes.subarray(from, at), start, end: at };
    } else if (kind === 5 || kind === 1) {
      const size = kind === 5 ? 4 : 8;
      if (at + size > bytes.length) {
        throw new WireError(
          start,
          `${size} bytes of field ${number}`,
          `${bytes.length - at}`,
        );
      }
      const value = kind === 1
        ? bytes.subarray(at, at + 8)
        : new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
      at += size;
      yield { number, value, start, end: at };
    } else {
      throw new WireError(start, "a field of kind 0, 1, 2 or 5", `kind ${kind}`);
    }
  }
}

function readVarint(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    if (at + i >= bytes.length) throw new WireError(at, "a number", "the end");
    const byte = bytes[at + i];
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: at + i + 1 };
  }
  throw new WireError(at, "a number of at most 10 bytes", "a longer one");
}

/** Writes a message field by field. */
export class WireWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  varint(number: number, value: number): this {
    return this.raw(Uint8Array.from([...varint(number * 8), ...varint(value)]));
  }

  float(number: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.raw(Uint8Array.from(varint(number * 8 + 5))).raw(bytes);
  }

  bytes(number: number, value: Uint8Array): this {
    return this.raw(Uint8Array.from([...varint(number * 8 + 2), ...varint(value.length)]))
      .raw(value);
  }

  string(number: number, value: string): this {
    return this.bytes(number, new TextEncoder().encode(value));
  }

  /** Bytes as they are: a field that was read. */
  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return [...bytes, value];
}
