/**
 * The encoder's inner loops, which are WebAssembly (`assembly/`), with the memory they work in.
 *
 * Memory holds, in this order: AssemblyScript's own data; the tables of a vocabulary; known words; the text; working memory for
 * one word; the output. The parts after the text move when more room is needed: only the text is kept then.
 */
import { assemblyCode } from "./assembly_code.ts";
import type { IdBuffer } from "./id_buffer.ts";
import type { PieceTable } from "./piece_table.ts";
import { plainAscii, type WordNormalizer, type WordRule, wordRules } from "./word_rules.ts";

/** How words stand in a text. */
export interface TextKind {
  /** White space stands between words, which are not normalised yet; otherwise a word may begin with a space. */
  readonly isRaw: boolean;
  /** A line feed ends a text of its own. */
  readonly isByLine: boolean;
}

/** Why `run` has stopped, by the number that it returns. */
const stops = ["done", "full", "long", "special"] as const;
type Stop = typeof stops[number];

/** Functions of `assembly/encode.ts`; its other exports are variables. Places in memory are numbers, maybe negative. */
interface Functions {
  begin(from: number, to: number): void;
  run(): number;
  flush(): void;
  encodeWord(text: number, size: number): void;
  find(text: number, length: number): void;
  findAfter(text: number, length: number, before: number): number;
  wordEnd(rule: number, at: number, end: number): number;
  prepare(bytes: number): void;
}

type Variables = Record<string, WebAssembly.Global>;

const space = 0x20;
const lineFeed = 0x0a;
const pageBytes = 65_536;
const mostBytes = 2 ** 32 - pageBytes;
/** AssemblyScript's data end before. */
const firstPlace = 4096;
/** The largest table of known words, and the pool for their ids. */
const knownBytes = 65_536 * 64;
const pooledBytes = 4 * 2 ** 20;
/** Vectors are read and written whole. */
const slack = 64;
/** Ids and line ends that the output has room for at least. */
const leastOutRoom = 32_768;
const endRoom = 8192;

let compiled: WebAssembly.Module | undefined;

export class EncoderProgram {
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #functions: Functions;
  readonly #variables: Variables;
  readonly #rule: number;
  readonly #isExact: boolean;
  /** By two bits, raw and by line: the place of the table of white space. */
  readonly #white: readonly number[];
  /** By one bit, raw: the place of the table of marks. */
  readonly #parts: number[];
  #kind: number | undefined;
  #bytes = new Uint8Array(this.#memory.buffer);
  #numbers = new Int32Array(this.#memory.buffer);
  #top = firstPlace;
  // The text and the parts after it.
  readonly #text: number;
  #textRoom = 0;
  #wordRoom = 0;
  #outRoom = 0;
  #word = 0;
  #last = 0;
  #out = 0;
  #ends = 0;

  /** @param normalizer if given, text may be raw */
  constructor(
    table: PieceTable,
    rule: WordRule,
    isExact: boolean,
    normalizer: WordNormalizer | undefined,
  ) {
    compiled ??= new WebAssembly.Module(Uint8Array.fromBase64(assemblyCode));
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory: this.#memory } });
    this.#functions = exports as WebAssembly.Exports & Functions;
    this.#variables = exports as Variables;
    this.#rule = wordRules.indexOf(rule);
    this.#isExact = isExact;
    this.#set({
      root: table.trie.root,
      slots: this.#place(table.trie.slots),
      scores: this.#place(table.scores),
      ids: this.#place(table.ids),
      lengths: this.#place(table.lengths),
      firstSlots: this.#place(table.firstSlots),
      pairs: this.#place(table.pairs),
      byteIds: table.byteIds === undefined ? 0 : this.#place(table.byteIds),
      unknownId: table.unknownId,
      unknownScore: table.unknownScore,
      largest: table.largest,
      isExact: Number(isExact),
      scoreOfIds: isExact ? this.#place(table.scoreOfIds) : 0,
      rule: this.#rule,
      entries: this.#reserve(knownBytes),
      pool: this.#reserve(pooledBytes + slack),
    });
    const between = whiteSpaceOf(rule);
    const byLine = between.slice();
    byLine[lineFeed] = 1;
    const white = [between, byLine];
    this.#parts = [this.#place(partsOf(table, plainAscii))];
    if (normalizer !== undefined) {
      const { separators, lineSeparators, special, unchanged, rules } = normalizer;
      white.push(separators, lineSeparators);
      this.#parts.push(this.#place(partsOf(table, unchanged)));
      this.#set({ special: this.#place(special) });
      if (rules !== undefined) {
        this.#set({
          units: this.#place(rules.units),
          unitCount: rules.units.length,
          texts: this.#place(rules.texts),
          textBytes: rules.texts.length,
        });
      }
    }
    this.#white = white.map((table) => this.#place(table));
    this.#text = this.#reserve(slack) + slack;
    this.#makeRoom(4096, 1024);
  }

  /** Begins the text `start … end`. */
  begin(bytes: Uint8Array, start: number, end: number, kind: TextKind): void {
    const [text, length] = [this.#text, end - start];
    if (length > this.#textRoom) this.#makeRoom(length, this.#wordRoom);
    this.#bytes.set(bytes.subarray(start, end), text);
    this.#bytes.fill(space, text + length, text + length + slack);
    const number = 2 * Number(kind.isRaw) + Number(kind.isByLine);
    if (number !== this.#kind) {
      this.#kind = number;
      const [isRaw, isByLine] = [Number(kind.isRaw), Number(kind.isByLine)];
      this.#set({ isRaw, isByLine, white: this.#white[number], parts: this.#parts[isRaw] });
    }
    this.#functions.begin(text, text + length);
  }

  /** Makes a table of known words as large as `bytes` of text can use. */
  expect(bytes: number): void {
    this.#functions.prepare(Math.min(bytes, 2 ** 31));
  }

  /**
   * Goes on with the text.
   * - `done`: it was read to its end;
   * - `full`: the caller must read the output;
   * - `long`: the caller must read the output and make more room for the word;
   * - `special`: the caller must normalise the word.
   */
  run(): Stop {
    return stops[this.#functions.run()];
  }

  /** Moves the output to `out`, and ends of lines to `ends`. */
  read(out: IdBuffer, ends: IdBuffer | undefined): void {
    const [before, count, lines] = [out.length, this.#get("count"), this.#get("lines")];
    const from = this.#out >>> 2;
    this.#functions.flush();
    out.reserve(count).set(this.#numbers.subarray(from, from + count), before);
    out.length += count;
    if (ends === undefined || lines === 0) return;
    const places = ends.reserve(lines);
    const first = this.#ends >>> 2;
    for (let i = 0; i < lines; i++) places[ends.length++] = before + this.#numbers[first + i];
  }

  /** The word that `run` has stopped at: `bytes[start … end]`, `place` bytes into the text. */
  word(): { bytes: Uint8Array; start: number; end: number; place: number } {
    const start = this.#get("at") >>> 0;
    const end = start + this.#get("length");
    return { bytes: this.#bytes, start, end, place: start - this.#text };
  }

  /** Whether a word of `length` bytes can be encoded; if not, the caller must read the output, and maybe make room. */
  hasRoom(length: number): boolean {
    return length < this.#wordRoom && this.#get("count") + length + slack <= this.#outRoom;
  }

  /** Makes room for a word of `length` bytes. The output must have been read. */
  makeRoom(length: number): void {
    if (length >= this.#wordRoom) this.#makeRoom(this.#textRoom, length + 1);
  }

  /** Encodes the word that `run` has stopped at by its normal form, for which there is room. */
  encodeWord(form: Uint8Array): void {
    this.#bytes.set(form, this.#word);
    this.#functions.encodeWord(this.#word, form.length);
  }

  /** Where the words of the text end that was begun last, and is not raw; in `bytes` of `begin`, from 0 at its start. */
  *wordEnds(length: number): Generator<number> {
    const text = this.#text;
    for (let at = text; at < text + length;) {
      at = this.#functions.wordEnd(this.#rule, at, text + length) >>> 0;
      yield at - text;
    }
  }

  /**
   * Finds the best segmentation of `start … end` of that text; with exact ties, after text that scored `before`. Returns its
   * score with exact ties, and at place i of `last` what `slotAndLength` reads.
   */
  search(start: number, end: number, before: number): { score: number; last: Uint32Array } {
    this.makeRoom(end - start);
    const text = this.#text + start;
    let score = 0;
    if (this.#isExact) score = this.#functions.findAfter(text, end - start, before);
    else this.#functions.find(text, end - start);
    return { score, last: new Uint32Array(this.#memory.buffer, this.#last, end - start + 1) };
  }

  #get(name: string): number {
    return this.#variables[name].value;
  }

  #set(values: Record<string, number>): void {
    for (const [name, value] of Object.entries(values)) this.#variables[name].value = value;
  }

  /** Copies an array to memory, where it stays. */
  #place(array: Uint8Array | Int32Array | Uint32Array | Float64Array): number {
    const place = this.#reserve(array.byteLength + slack);
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    this.#bytes.set(bytes, place);
    return place;
  }

  /** The place of so many bytes that are not yet taken. */
  #reserve(bytes: number): number {
    const place = this.#top;
    this.#top = Math.ceil((place + bytes) / slack) * slack;
    const pages = Math.ceil((this.#top - this.#bytes.length) / pageBytes);
    if (pages > 0) {
      this.#memory.grow(pages);
      this.#bytes = new Uint8Array(this.#memory.buffer);
      this.#numbers = new Int32Array(this.#memory.buffer);
    }
    return place;
  }

  /** Makes room for a text and a word; the output is lost. */
  #makeRoom(text: number, word: number): void {
    const textRoom = text <= this.#textRoom ? this.#textRoom : roomFor(text);
    const wordRoom = word <= this.#wordRoom ? this.#wordRoom : roomFor(word);
    const outRoom = Math.max(leastOutRoom, wordRoom + 2 * slack);
    const bytes = this.#text + textRoom + 25 * wordRoom + 4 * (outRoom + endRoom) + 8 * slack;
    if (bytes > mostBytes) {
      throw new RangeError(
        `Cannot encode a text with a word of ${word} bytes: expected what 4 GiB of memory hold, found ${bytes} bytes to be ` +
          "needed; cut it into lines or words",
      );
    }
    this.#top = this.#text;
    this.#reserve(textRoom + slack);
    this.#last = this.#reserve(4 * wordRoom + slack);
    this.#word = this.#reserve(wordRoom + slack);
    this.#out = this.#reserve(4 * outRoom + slack);
    this.#ends = this.#reserve(4 * endRoom + slack);
    this.#set({
      best: this.#reserve(8 * wordRoom + slack),
      second: this.#reserve(8 * wordRoom + slack),
      last: this.#last,
      word: this.#word,
      out: this.#out,
      ends: this.#ends,
      wordRoom,
      outRoom,
      endRoom,
    });
    [this.#textRoom, this.#wordRoom, this.#outRoom] = [textRoom, wordRoom, outRoom];
  }
}

/** Small texts and words that follow on each other should not make room each time. */
function roomFor(bytes: number): number {
  return Math.ceil(bytes * (bytes < 2 ** 20 ? 1.5 : 1)) + slack;
}

/** The content of a place of `last`: the slot of the piece that ends there, -1 for a character without one; its bytes. */
export function slotAndLength(ending: number, table: PieceTable): [number, number] {
  const slot = ending >>> 10;
  return [slot || -1, ending & 0x3ff || table.lengths[slot]];
}

/** By byte: 1 for what ends a word where it can be found by its first byte alone. */
function whiteSpaceOf(rule: WordRule): Uint8Array {
  const white = new Uint8Array(256);
  if (rule === "white-space") { for (const byte of [0x09, lineFeed, 0x0d, space]) white[byte] = 1; }
  if (rule === "before-space" || rule === "space-runs") white[space] = 1;
  return white;
}

/** By a byte plus 256 times the byte after it: 1 more than the id of the second, if it is a mark that no piece joins. */
function partsOf({ singles, joins }: PieceTable, unchanged: Uint8Array): Int32Array {
  const parts = new Int32Array(0x10000);
  for (let mark = 0; mark < 0x80; mark++) {
    if (unchanged[mark] !== 2 || singles[mark] < 0) continue;
    for (let before = 0; before < 0x80; before++) {
      const pair = mark << 8 | before;
      if (unchanged[before] !== 0 && joins[pair] === 0) parts[pair] = singles[mark] + 1;
    }
  }
  return parts;
}
