/**
 * Writes protobuf messages field by field.
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

  int(field: number, value: number): void {
    this.#varint(field * 8);
    this.#varint(value);
  }

  float(field: number, value: number): void {
    this.#varint(field * 8 + 5);
    this.#reserve(4);
    this.#view.setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  double(field: number, value: number): void {
    this.#varint(field * 8 + 1);
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  string(field: number, value: string): void {
    this.bytes(field, text.encode(value));
  }

  bytes(field: number, value: Uint8Array): void {
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  message(field: number, write: (inner: ProtoWriter) => void): void {
    const inner = new ProtoWriter();
    write(inner);
    this.bytes(field, inner.#bytes.subarray(0, inner.#length));
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
