/**
 * What tokenizers of one encoder have in common: all that leads from text to ids.
 */
import type { EncodedLines, Encoding } from "../detailed_tokenizer.ts";
import type { UnigramTextEncoder } from "./text_encoder.ts";

export class EncodingTokenizer {
  readonly #encoder: UnigramTextEncoder;

  constructor(encoder: UnigramTextEncoder) {
    this.#encoder = encoder;
  }

  encode(text: string): Int32Array {
    return this.#encoder.encode(text);
  }

  encodeBatch(texts: readonly string[]): EncodedLines {
    return this.#encoder.encodeBatch(texts);
  }

  encodeLines(bytes: Uint8Array, invalid?: "error" | "replace"): EncodedLines {
    return this.#encoder.encodeLines(bytes, invalid);
  }

  /** @throws RangeError for a tokenizer that does not know where characters come from */
  encodeWithOffsets(text: string): Encoding {
    return this.#encoder.encodeWithOffsets(text);
  }
}
