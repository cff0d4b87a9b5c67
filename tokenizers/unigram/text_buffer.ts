/**
 * Text for an encoder: UTF-8 bytes with padding after them.
 */
import { grown } from "./grown.ts";

/** Bytes that may be read after the end of a text. */
const paddingBytes = 4;

/** A reused buffer: its content is valid until the next `loadText`. */
export class TextBuffer {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  length = 0;

  /** Holds the UTF-8 of a text; a lone surrogate becomes U+FFFD. */
  loadText(text: string): void {
    this.reserve(text.length * 3);
    this.close(new TextEncoder().encodeInto(text, this.bytes).written);
  }

  /** Makes room for `length` bytes and the padding. The content stays. */
  reserve(length: number): void {
    this.bytes = grown(this.bytes, length + paddingBytes);
  }

  /** The text is the first `length` bytes, which stand there already. It is padded. */
  close(length: number): void {
    this.length = length;
    this.bytes.fill(0x20, length, length + paddingBytes);
  }
}
