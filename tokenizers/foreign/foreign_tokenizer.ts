/**
 * Any `tokenizer.json` (BPE as of GPT-NeoX, WordPiece, …) as a tokenizer, through the npm package `tokenizers`.
 *
 * The package answers asynchronously; `encode` must not. So it runs in a worker, and the caller waits on shared memory.
 */
import { messageOf, StageError } from "../../base/mod.ts";
import { readSpecialRoles } from "../config_files.ts";
import type { EncodedLines, Encoding, OpenedTokenizer, SpecialRoles } from "../opened_tokenizer.ts";
import { textOfUtf8 } from "../unigram/invalid_utf8.ts";
import {
  type Answers,
  lengthAt,
  type Reply,
  replyAt,
  type Request,
  stateAt,
  type Work,
} from "./foreign_library.ts";

const mostSharedBytes = 2 ** 30;
const firstSharedBytes = 2 ** 16;
const waitMs = 300_000;
/** Lines handed to the worker at once. */
const linesAtOnce = 4096;

/**
 * A vocabulary of another kind. `encode` adds no special pieces of its own; text that looks like one (`<|endoftext|>`) is
 * that piece, as in other programs that read such files. Lower-casing and other normalisation is not undone by `decode`.
 */
export class ForeignTokenizer implements OpenedTokenizer {
  readonly kind = "foreign";
  readonly roles: SpecialRoles;
  readonly vocabSize: number;
  readonly #path: string;
  readonly #worker: Worker;
  readonly #shared = new SharedArrayBuffer(firstSharedBytes, { maxByteLength: mostSharedBytes });
  readonly #pieces: readonly (string | undefined)[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #special: ReadonlySet<string>;
  readonly #writing: Writing;
  /** Why it cannot be used any more: its worker has ended. */
  #failure: string | undefined;

  /** @throws StageError when the file cannot be read, or the package is missing or refuses it */
  constructor(path: string) {
    this.#path = path;
    const file = readFile(path);
    // The library refuses anything that is no list.
    const added = Array.isArray(file.added_tokens) ? file.added_tokens : [];
    this.#special = new Set(added.filter((token) => token?.special).map(({ content }) => content));
    this.#writing = writingOf(file);
    this.#worker = new Worker(new URL("./foreign_worker.ts", import.meta.url), { type: "module" });
    this.#ids = new Map(Object.entries(this.#ask({ kind: "open", path })));
    const pieces: (string | undefined)[] = [];
    for (const [piece, id] of this.#ids) pieces[id] = piece;
    this.#pieces = pieces;
    this.vocabSize = pieces.length;
    try {
      this.roles = readSpecialRoles(path, (piece) => this.#ids.get(piece));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  encode(text: string): Int32Array {
    return this.encodeBatch([text]).ids;
  }

  /** @throws SyntaxError with the offset of the first byte that is not UTF-8 */
  encodeLines(bytes: Uint8Array, invalid: "error" | "replace" = "error"): EncodedLines {
    const lines = textOfUtf8(bytes, invalid).split("\n");
    if (lines.at(-1) === "") lines.pop();
    return this.encodeBatch(lines);
  }

  encodeBatch(lines: readonly string[]): EncodedLines {
    const ends = new Int32Array(lines.length);
    const ids: (readonly number[])[] = [];
    let total = 0;
    for (let from = 0; from < lines.length; from += linesAtOnce) {
      const texts = lines.slice(from, from + linesAtOnce).map((line) => line.toWellFormed());
      for (const [i, one] of this.#ask({ kind: "encode", texts, offsets: false }).entries()) {
        ids.push(one.ids);
        ends[from + i] = total += one.ids.length;
      }
    }
    const flat = new Int32Array(total);
    ids.forEach((some, i) => flat.set(some, ends[i] - some.length));
    return { ids: flat, ends };
  }

  /** Ids and the parts of the text that they stand for, in UTF-16 units. */
  encodeWithOffsets(text: string): Encoding {
    const wellFormed = text.toWellFormed();
    const [{ ids, offsets = [] }] = this.#ask({
      kind: "encode",
      texts: [wellFormed],
      offsets: true,
    });
    const units = [0]; // by code point
    for (const character of wellFormed) units.push(units.at(-1)! + character.length);
    return {
      ids: Int32Array.from(ids),
      starts: Int32Array.from(offsets, ([start]) => units[start]),
      ends: Int32Array.from(offsets, ([, end]) => units[end]),
    };
  }

  decode(ids: ArrayLike<number>): string {
    for (let i = 0; i < ids.length; i++) this.piece(ids[i]);
    return this.#ask({ kind: "decode", ids: Array.from(ids) });
  }

  piece(id: number): string {
    const piece = this.#pieces[id];
    if (piece !== undefined) return piece;
    throw new RangeError(
      `Cannot look up piece ${id}: expected an id of "${this.#path}" (0 to ${this.vocabSize - 1})`,
    );
  }

  /** Whether the vocabulary has a piece of that id: there may be gaps. */
  has(id: number): boolean {
    return this.#pieces[id] !== undefined;
  }

  /** The id of a piece as written in the vocabulary, if there is one. */
  idOf(piece: string): number | undefined {
    return this.#ids.get(piece);
  }

  /** For BPE on bytes and for pieces with `▁` exact; WordPiece does not say where spaces are, so they do not count. */
  byteLength(id: number): number {
    const piece = this.piece(id);
    if (this.#special.has(piece)) return 0;
    if (this.#writing === "bytes") return [...piece].length; // a character for each byte
    if (/^<0x[0-9A-F]{2}>$/.test(piece)) return 1;
    const text = this.#writing === "word-piece"
      ? piece.replace(/^##/, "")
      : piece.replaceAll("▁", " ");
    return new TextEncoder().encode(text).length;
  }

  /** Ends the worker. */
  [Symbol.dispose](): void {
    this.#failure ??= "it was closed";
    this.#worker.terminate();
  }

  #ask<Kind extends Request["kind"]>(request: Request & { readonly kind: Kind }): Answers[Kind] {
    if (this.#failure !== undefined) this.#fail(this.#failure);
    const numbers = new Int32Array(this.#shared, 0, 2);
    Atomics.store(numbers, stateAt, 0);
    this.#worker.postMessage({ request, shared: this.#shared } satisfies Work);
    if (Atomics.wait(numbers, stateAt, 0, waitMs) === "timed-out") {
      this.#fail(`no answer in ${waitMs / 1000} s`);
    }
    const bytes = new Uint8Array(this.#shared, replyAt, numbers[lengthAt]);
    const reply: Reply = JSON.parse(new TextDecoder().decode(bytes.slice()));
    if ("failure" in reply) this.#fail(reply.failure);
    return reply.answer as Answers[Kind];
  }

  #fail(found: string): never {
    this.#failure = found;
    this.#worker.terminate();
    throw new StageError(
      `Cannot use tokenizer "${this.#path}": expected a file that the npm package "tokenizers" takes, found ${found}`,
    );
  }
}

/** How pieces are written: a character for each byte, continued pieces with `##`, or spaces as `▁`. */
type Writing = "bytes" | "word-piece" | "text";

interface File {
  readonly added_tokens?: readonly { readonly content: string; readonly special: boolean }[];
  readonly model?: { readonly type?: string };
  readonly decoder?: unknown;
}

function writingOf(file: File): Writing {
  if (JSON.stringify(file.decoder ?? null).includes('"ByteLevel"')) return "bytes";
  return file.model?.type === "WordPiece" ? "word-piece" : "text";
}

function readFile(path: string): File {
  try {
    const file = JSON.parse(Deno.readTextFileSync(path));
    if (typeof file === "object" && file !== null) return file;
    throw new SyntaxError("no object");
  } catch (cause) {
    const found = cause instanceof Deno.errors.NotFound ? "nothing there" : messageOf(cause);
    throw new StageError(
      `Cannot read tokenizer "${path}": expected a tokenizer.json, found ${found}`,
      { cause },
    );
  }
}
