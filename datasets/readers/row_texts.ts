/**
 * Texts of rows of JSON lines as UTF-8, from bytes to bytes. Its loops are WebAssembly (`../assembly/json_row.ts`).
 */
import { isUtf8 } from "node:buffer";
import { DocumentProgram } from "../document_program.ts";
import type { EncodedText } from "../document.ts";

const lineFeed = 0x0a;
/** Longer rows are left to others: memory does not shrink again. */
const mostRowBytes = 2 ** 23;

export class RowTexts {
  readonly #program = new DocumentProgram();
  readonly #start: number;
  #room = 0;
  /** Where a row lies, and its text. */
  #row = 0;
  #text = 0;

  /** @param field the name of the field that texts are in */
  constructor(field: string) {
    const name = new TextEncoder().encode(field);
    const place = this.#program.reserve(name.length);
    this.#program.bytes.set(name, place);
    this.#program.set({ name: place, nameBytes: name.length });
    this.#start = this.#program.reserve(0);
    this.#makeRoom(2 ** 16);
  }

  /**
   * The text of a row, valid until the next one is asked for. Undefined where a row is not plain: it is to be parsed then.
   * @param row without its line feed
   */
  textOf(row: Uint8Array): EncodedText | undefined {
    if (row.length > mostRowBytes || !isUtf8(row)) return undefined;
    if (row.length >= this.#room) this.#makeRoom(2 * row.length);
    const { bytes, functions } = this.#program;
    const end = this.#row + row.length;
    bytes.set(row, this.#row);
    bytes[end] = lineFeed;
    const length = functions.textOfRow(this.#row, end, this.#text);
    if (length < 0) return undefined;
    const utf8 = bytes.subarray(this.#text, this.#text + length);
    return { utf8, characters: this.#program.get("characters") };
  }

  #makeRoom(bytes: number): void {
    this.#program.release(this.#start);
    this.#room = bytes;
    this.#row = this.#program.reserve(bytes);
    this.#text = this.#program.reserve(bytes);
  }
}
