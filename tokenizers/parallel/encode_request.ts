/**
 * A request to encode, for any thread: many texts, or the lines of a stretch of UTF-8.
 */
import type { EncodedLines, OpenedTokenizer } from "../opened_tokenizer.ts";
import type { ByteStrings } from "../unigram/double_array.ts";
import { formatLines, type LineFormat } from "./format_lines.ts";

export interface EncodeRequest {
  /** UTF-8, a text a line; or texts that may have line feeds. */
  readonly input: Uint8Array<ArrayBuffer> | ByteStrings;
  readonly invalid: "error" | "replace";
  /** Undefined: ids as they are. */
  readonly format?: LineFormat;
}

export interface EncodeAnswer {
  readonly lines: EncodedLines | undefined;
  readonly text: Uint8Array<ArrayBuffer> | undefined;
}

/** @throws SyntaxError for bytes that are not UTF-8 */
export function answerRequest(
  tokenizer: OpenedTokenizer,
  { input, invalid, format }: EncodeRequest,
): EncodeAnswer {
  const lines = input instanceof Uint8Array
    ? tokenizer.encodeLines(input, invalid)
    : tokenizer.encodeTexts(input);
  if (format === undefined) return { lines, text: undefined };
  return { lines: undefined, text: formatLines(lines, format, (id) => tokenizer.piece(id)) };
}

/** Buffers of an answer that go over to the receiver. */
export function transferred({ lines, text }: EncodeAnswer): Transferable[] {
  const arrays = [lines?.ids, lines?.ends, text].filter((array) => array !== undefined);
  return arrays.map(({ buffer }) => buffer);
}
