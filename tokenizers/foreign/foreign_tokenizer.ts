/**
 * Any `tokenizer.json` (BPE as of GPT-NeoX, WordPiece, …) as a tokenizer, through the npm package `tokenizers`.
 *
 * The package answers asynchronously; `encode` must not. So it runs in a worker, and the caller waits on shared memory.
 */
import { messageOf, StageError } from "../../base/mod.ts";
import { readSpecialRoles } from "../config_files.ts";
import type { EncodedLines, Encoding, OpenedTokenizer, SpecialRoles } from "../opened_tokenizer.ts";
import { type JsonFile, mostIds, readJsonFile } from "../read_files.ts";
import type { ByteStrings } from "../unigram/double_array.ts";
import { textOfUtf8 } from "../unigram/invalid_utf8.ts";
import { checkParts } from "./checked_parts.ts";
import {
  type Answers,
  lengthAt,
  type Reply,
  replyAt,
  type Request,
  stateAt,
  type Work,
} from "./foreign_library.ts";
import { type BpeFile, type LossRules, lossRulesOf } from "./lost_text.ts";

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
  /** By text of an added piece: whether it is special. */
  readonly #added: ReadonlyMap<string, boolean>;
  /** Added pieces that the library would read as bytes. */
  readonly #literal = new Set<number>();
  readonly #writing: Writing;
  readonly #loss: LossRules | undefined;
  /** Why it cannot be used any more: its worker has ended. */
  #failure: string | undefined;

  /** @throws StageError when the file cannot be read, or the package is missing or refuses it */
  constructor(path: string, { text, value }: JsonFile = readJsonFile(path)) {
    this.#path = path;
    const file: File = typeof value === "object" && value !== null ? value : {};
    try {
      checkParts(file);
    } catch (cause) {
      throw new StageError(`Cannot read tokenizer "${path}": ${messageOf(cause)}`, { cause });
    }
    // The library refuses anything that is no list.
    const added = Array.isArray(file.added_tokens) ? file.added_tokens : [];
    this.#added = new Map(added.map((token) => [token?.content, Boolean(token?.special)]));
    this.#writing = writingOf(file);
    this.#worker = new Worker(new URL("./foreign_worker.ts", import.meta.url), { type: "module" });
    this.#ids = new Map(
      Object.entries(this.#ask({ kind: "open", json: withoutDropout(text, file) })),
    );
    const pieces: (string | undefined)[] = [];
    for (const [piece, id] of this.#ids) {
      if (id >= mostIds) this.#fail(`id ${id} of ${JSON.stringify(piece)}, above ${mostIds - 1}`);
      pieces[id] = piece;
      const isLiteral = this.#writing === "bytes" && this.#added.get(piece) === false;
      if (isLiteral && /\P{ASCII}/u.test(piece)) this.#literal.add(id);
    }
    this.#pieces = pieces;
    this.vocabSize = pieces.length;
    try {
      this.#loss = lossRulesOf(file, (piece) => this.#ids.has(piece));
      this.roles = readSpecialRoles(path, (piece) => this.#ids.get(piece));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  encode(text: string): Int32Array {
    return this.#encodeStrings([text]).ids;
  }

  /** @throws SyntaxError with the offset of the first byte that is not UTF-8 */
  encodeLines(bytes: Uint8Array, invalid: "error" | "replace" = "error"): EncodedLines {
    const lines = textOfUtf8(bytes, invalid).split("\n");
    if (lines.at(-1) === "") lines.pop();
    return this.#encodeStrings(lines);
  }

  encodeTexts({ pool, starts }: ByteStrings): EncodedLines {
    const texts = Array.from(
      starts.subarray(1),
      (end, i) => textOfUtf8(pool.subarray(starts[i], end), "error"),
    );
    return this.#encodeStrings(texts);
  }

  #encodeStrings(lines: readonly string[]): EncodedLines {
    const ends = new Int32Array(lines.length);
    const ids: (readonly number[])[] = [];
    let total = 0;
    for (let from = 0; from < lines.length; from += linesAtOnce) {
      const texts = lines.slice(from, from + linesAtOnce).map((line) => line.toWellFormed());
      for (const [i, one] of this.#encode(texts, false).entries()) {
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
    const [{ ids, offsets = [] }] = this.#encode([wellFormed], true);
    const units = [0]; // by code point
    for (const character of wellFormed) units.push(units.at(-1)! + character.length);
    return {
      ids: Int32Array.from(ids),
      starts: Int32Array.from(offsets, ([start]) => units[start]),
      ends: Int32Array.from(offsets, ([, end]) => units[end]),
    };
  }

  decode(ids: ArrayLike<number>): string {
    let text = "";
    let run: number[] = [];
    const takeRun = () => run.length === 0 ? "" : this.#ask({ kind: "decode", ids: run });
    for (const id of Array.from(ids)) {
      const piece = this.piece(id);
      if (!this.#literal.has(id)) run.push(id);
      else [text, run] = [text + takeRun() + piece, []];
    }
    return text + takeRun();
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
    const isSpecial = this.#added.get(piece);
    if (isSpecial) return 0;
    if (isSpecial === undefined && this.#writing === "bytes") return [...piece].length; // a character for each byte
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

  #encode(texts: readonly string[], offsets: boolean): Answers["encode"] {
    return this.#ask({ kind: "encode", texts, offsets, loss: this.#loss });
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
    if ("lost" in reply) {
      throw new StageError(
        `Cannot encode text with tokenizer "${this.#path}": expected a piece for each character, found none for ${reply.lost}; ` +
          "that text would be lost: the file needs an unknown piece (unk_token) or pieces for all bytes",
      );
    }
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

interface File extends BpeFile {
  readonly model?: BpeFile["model"] & { readonly dropout?: unknown };
  readonly added_tokens?: readonly { readonly content: string; readonly special: boolean }[];
  readonly decoder?: unknown;
}

function writingOf(file: File): Writing {
  if (JSON.stringify(file.decoder ?? null).includes('"ByteLevel"')) return "bytes";
  return file.model?.type === "WordPiece" ? "word-piece" : "text";
}

/** A file may ask to leave out merges at random, for training: the same text has the same ids here. */
function withoutDropout(text: string, { model }: File): string {
  if (typeof model?.dropout !== "number") return text;
  return JSON.stringify({ ...JSON.parse(text), model: { ...model, dropout: null } });
}
