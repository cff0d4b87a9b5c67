/**
 * UTF-8 of texts, joined, in memory that is used again.
 */
import { Buffer } from "node:buffer";

/** Of shorter texts the room is guessed: to know it they would be read once more. */
const countedUnits = 2 ** 20;
/** Most bytes of a UTF-16 unit. */
const mostBytesAUnit = 3;

export class Utf8Buffer {
  #room: Uint8Array<ArrayBuffer> = new Uint8Array(2 ** 16);
  #length = 0;

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** They are valid until something is added. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#room.subarray(0, this.#length);
  }

  /** Appends a well-formed text, or its UTF-8. */
  add(text: string | Uint8Array): void {
    const most = typeof text !== "string"
      ? text.length
      : text.length < countedUnits
      ? mostBytesAUnit * text.length
      : Buffer.byteLength(text);
    const needed = this.#length + most;
    if (needed > this.#room.length) {
      const larger = new Uint8Array(Math.max(needed, Math.ceil(1.5 * this.#room.length)));
      larger.set(this.bytes);
      this.#room = larger;
    }
    const to = this.#room.subarray(this.#length);
    if (typeof text === "string") this.#length += new TextEncoder().encodeInto(text, to).written;
    else {
      to.set(text);
      this.#length += text.length;
    }
  }

  clear(): void {
    this.#length = 0;
  }
}
