/**
 * Text on its way into an encoder: UTF-8 bytes with padding behind them.
 */
import { grown } from "./grown.ts";

/** Bytes that an encoder may read behind a text. */
export const paddingBytes = 24;

/** A reused buffer: what it holds is valid until the next `load`. */
export class TextBuffer {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  view = new DataView(this.bytes.buffer);
  length = 0;

  /** Holds the UTF-8 of a text; a lone surrogate becomes U+FFFD. */
  loadText(text: string): void {
    this.reserve(text.length * 3);
    this.close(new TextEncoder().encodeInto(text, this.bytes).written);
  }

  loadBytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes);
    this.close(bytes.length);
  }

  /** Reads from bytes as they stand; what is behind their end must be readable there. */
  borrow(bytes: Uint8Array<ArrayBuffer>): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.length = bytes.length;
  }

  /** Makes room for `length` bytes and the padding. What it holds stays. */
  reserve(length: number): void {
    if (length + paddingBytes <= this.bytes.length) return;
    this.bytes = grown(this.bytes, length + paddingBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  /** The text is the first `length` bytes, which stand there already. It is padded. */
  close(length: number): void {
    this.length = length;
    this.bytes.fill(0x20, length, length + paddingBytes);
  }
}
