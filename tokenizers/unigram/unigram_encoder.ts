/**
 * Text to ids: the best segmentation of each word, with a memory of words that were met before. Its inner loops are
 * WebAssembly (`assembly/`), written in AssemblyScript.
 *
 * Score rules, which depend on nothing outside the word:
 * - sums run in double precision from the word's start;
 * - of segmentations with equal sums up to some place, the one whose last piece begins earlier wins;
 * - a character without a piece of its own may stand for itself, at the score for unknown characters.
 *
 * With `exactTies` sums run as SentencePiece runs them instead, in single precision from the text's start: that decides
 * ties and near ties by the text before a word. A known word is then used only where its best way leads by more than
 * all rounding could take away; the others (1 to 4 of 10,000 words of English or code) are searched again.
 */
import { EncoderProgram, slotAndLength, type TextKind } from "./encoder_program.ts";
import type { IdBuffer } from "./id_buffer.ts";
import { type EncoderPieces, PieceTable } from "./piece_table.ts";
import { TextBuffer } from "./text_buffer.ts";
import type { WordNormalizer, WordRule } from "./word_rules.ts";

export interface EncoderOptions {
  readonly words: WordRule;
  /** Ties as SentencePiece breaks them, to the last id. */
  readonly exactTies?: boolean;
  /** Given where text can be raw: its words are then normalised one by one. */
  readonly normalizer?: WordNormalizer;
}

const lineFeed = 0x0a;
/** Lines are read so many bytes at a time. */
const chunkBytes = 1 << 16;

/** A piece of a text: its bytes, and the slot of the trie that holds it; -1 for a character without a piece. */
export interface PieceSpan {
  readonly start: number;
  readonly end: number;
  readonly slot: number;
}

export class UnigramEncoder {
  readonly table: PieceTable;
  /** Whether words end before spaces and a normalizer is there for them, so that raw text can be read word by word. */
  readonly readsRaw: boolean;
  readonly #options: EncoderOptions;
  readonly #word = new TextBuffer();
  #made: EncoderProgram | undefined;

  constructor(pieces: EncoderPieces | PieceTable, options: EncoderOptions) {
    this.table = "trie" in pieces ? pieces : new PieceTable(pieces);
    this.#options = options;
    const endsBeforeSpaces = options.words === "before-space" || options.words === "space-runs";
    this.readsRaw = endsBeforeSpaces && options.normalizer !== undefined;
  }

  get #program(): EncoderProgram {
    const { words, exactTies = false, normalizer } = this.#options;
    return this.#made ??= new EncoderProgram(this.table, words, exactTies, normalizer);
  }

  /** Appends the ids of the text `start … end`, which is in normal form. */
  encode(bytes: Uint8Array, start: number, end: number, out: IdBuffer): void {
    this.#program.expect(end - start);
    this.#read(bytes, start, end, { isRaw: false, isByLine: false }, out, undefined);
  }

  /** Appends the ids of the raw text `start … end`; false, and nothing, if some word cannot be normalised by itself. */
  encodeRaw(bytes: Uint8Array, start: number, end: number, out: IdBuffer): boolean {
    this.#program.expect(end - start);
    const before = out.length;
    if (this.#read(bytes, start, end, { isRaw: true, isByLine: false }, out, undefined) === end) {
      return true;
    }
    out.length = before;
    return false;
  }

  /**
   * Appends the ids of lines from `start` on, raw or in normal form. Returns where it stopped: at the end, or
   * at the beginning of a line with a word that cannot be normalised by itself.
   *
   * @param ends gets the place in `out` where each line ends that a line feed ends
   */
  encodeLines(
    bytes: Uint8Array,
    start: number,
    isRaw: boolean,
    out: IdBuffer,
    ends: IdBuffer,
  ): number {
    this.#program.expect(bytes.length);
    for (let at = start; at < bytes.length;) {
      let to = bytes.length;
      if (at + chunkBytes < to) {
        to = bytes.lastIndexOf(lineFeed, at + chunkBytes - 1) + 1;
        if (to <= at) to = bytes.indexOf(lineFeed, at + chunkBytes) + 1 || bytes.length;
      }
      const [before, lines] = [out.length, ends.length];
      const read = this.#read(bytes, at, to, { isRaw, isByLine: true }, out, ends);
      if (read < to) {
        out.length = ends.length === lines ? before : ends.ids[ends.length - 1];
        return bytes.lastIndexOf(lineFeed, read - 1) + 1;
      }
      at = to;
    }
    return bytes.length;
  }

  /** Appends the ids of `start … end`; returns where it stopped: at a word that cannot be normalised by itself, or `end`. */
  #read(
    bytes: Uint8Array,
    start: number,
    end: number,
    kind: TextKind,
    out: IdBuffer,
    ends: IdBuffer | undefined,
  ): number {
    const program = this.#program;
    program.begin(bytes, start, end, kind);
    for (;;) {
      const stop = program.run();
      if (stop === "special") {
        const word = program.word();
        const form = this.#word;
        if (!this.#options.normalizer!.normalizeWord(word.bytes, word.start, word.end, form)) {
          program.read(out, ends);
          return start + word.place;
        }
        if (!program.hasRoom(form.length)) {
          program.read(out, ends);
          program.makeRoom(form.length);
        }
        program.encodeWord(form.bytes.subarray(0, form.length));
        continue;
      }
      program.read(out, ends);
      if (stop === "done") return end;
      if (stop === "long") {
        const word = program.word();
        program.makeRoom(word.end - word.start + 1);
      }
    }
  }

  /** Where the words of the text `start … end` in normal form end: no piece goes beyond. */
  wordEnds(bytes: Uint8Array, start: number, end: number): number[] {
    this.#program.begin(bytes, start, end, { isRaw: false, isByLine: false });
    return Array.from(this.#program.wordEnds(end - start), (to) => start + to);
  }

  /** The pieces of the text `start … end` in normal form, found without known words. They are those that `encode` gives. */
  pieces(bytes: Uint8Array, start: number, end: number): PieceSpan[] {
    const program = this.#program;
    const pieces: PieceSpan[] = [];
    let from = start;
    let before = 0;
    for (const to of this.wordEnds(bytes, start, end)) {
      const { score, last } = program.search(from - start, to - start, before);
      const word: PieceSpan[] = [];
      for (let at = to; at > from;) {
        const [slot, length] = slotAndLength(last[at - from], this.table);
        word.push({ start: at - length, end: at, slot });
        at -= length;
      }
      for (const piece of word.reverse()) pieces.push(piece);
      before = score;
      from = to;
    }
    return pieces;
  }
}
