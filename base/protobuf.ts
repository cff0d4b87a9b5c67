/**
 * Reads and writes protobuf messages field by field.
 *
 * Source: https://protobuf.dev/programming-guides/encoding (wire format). A field is a tag (number · 8 + wire type), then a
 * varint (wire type 0), eight bytes (1), four bytes (5), or a length and as many bytes (2: text, bytes, messages).
 */
const text = new TextEncoder();

/** A growing buffer of protobuf fields. */
export class ProtoWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** @throws RangeError for a number that is not a safe integer */
  int(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.#varint(field * 8 + 5);
    this.#reserve(4);
    this.#view.setFloat32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  double(field: number, value: number): this {
    this.#varint(field * 8 + 1);
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, text.encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.begin(field, value.length).raw(value);
  }

  /** Begins a field of bytes, of which `length` follow from elsewhere. */
  begin(field: number, length: number): this {
    this.#varint(field * 8 + 2);
    this.#varint(length);
    return this;
  }

  message(field: number, write: (inner: ProtoWriter) => void): this {
    const inner = new ProtoWriter();
    write(inner);
    return this.bytes(field, inner.#bytes.subarray(0, inner.#length));
  }

  /** Bytes as they are: fields that were read. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** The bytes written so far, a copy. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** Seven bits a byte, lowest first; a negative number as its 64-bit two's complement, ten bytes. */
  #varint(value: number): void {
    if (!Number.isSafeInteger(value)) {
      throw new RangeError(
        `Cannot write a protobuf integer: expected a safe integer, found ${value}`,
      );
    }
    this.#reserve(10);
    if (value >= 0) {
      while (value >= 128) {
        this.#bytes[this.#length++] = (value % 128) | 128;
        value = Math.floor(value / 128);
      }
      this.#bytes[this.#length++] = value;
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 128n) {
      this.#bytes[this.#length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** A field as it stands in a message. */
interface ProtoField {
  readonly number: number;
  /** Varints (as unsigned numbers; beyond 2^53 rounded) and 32-bit values (their bits); strings, bytes and messages. */
  readonly value: number | Uint8Array;
  /** Where the field begins and ends in the message's bytes. */
  readonly start: number;
  readonly end: number;
}

/** What is wrong with a message, and at which of its bytes. */
export class ProtoError extends Error {
  constructor(readonly at: number, readonly expected: string, readonly found: string) {
    super(`byte ${at}: expected ${expected}, found ${found}`);
  }
}

/** The fields of a message in their order. @throws ProtoError at the first that is damaged */
export function* readFields(bytes: Uint8Array): Generator<ProtoField> {
  for (let at = 0; at < bytes.length;) {
    const start = at;
    const tag = readVarint(bytes, at);
    at = tag.end;
    const [number, kind] = [Math.floor(tag.value / 8), tag.value % 8];
    if (number === 0 || number > 0x1fffffff) {
      throw new ProtoError(start, "a field number", `${number}`);
    }
    if (kind === 0) {
      const { value, end } = readVarint(bytes, at);
      yield { number, value, start, end };
      at = end;
    } else if (kind === 2) {
      const { value: length, end: from } = readVarint(bytes, at);
      if (length > bytes.length - from) {
        throw new ProtoError(start, `${length} bytes of field ${number}`, `${bytes.length - from}`);
      }
      at = from + length;
      yield { number, value: bytes.subarray(from, at), start, end: at };
    } else if (kind === 5 || kind === 1) {
      const size = kind === 5 ? 4 : 8;
      if (at + size > bytes.length) {
        throw new ProtoError(start, `${size} bytes of field ${number}`, `${bytes.length - at}`);
      }
      const value = kind === 1
        ? bytes.subarray(at, at + 8)
        : new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
      at += size;
      yield { number, value, start, end: at };
    } else {
      throw new ProtoError(start, "a field of kind 0, 1, 2 or 5", `kind ${kind}`);
    }
  }
}

function readVarint(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    if (at + i >= bytes.length) throw new ProtoError(at, "a number", "the end");
    const byte = bytes[at + i];
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: at + i + 1 };
  }
  throw new ProtoError(at, "a number of at most 10 bytes", "a longer one");
}
