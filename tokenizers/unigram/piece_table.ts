/**
 * The pieces of a vocabulary as tables for the search of best segmentations (`assembly/best_way.ts`).
 */
import {
  buildDoubleArray,
  byteMask,
  type ByteStrings,
  type DoubleArray,
  offsetShift,
} from "./double_array.ts";
import { codePointAt, utf8Length } from "./utf8.ts";

/** Pieces as an encoder needs them: texts, scores and ids. */
export interface EncoderPieces {
  readonly strings: ByteStrings;
  /** By string: natural logarithm of its probability, or another number to add up. */
  readonly scores: Float64Array;
  /** By string. */
  readonly ids: Int32Array;
  /** Score of a character that has no piece. */
  readonly unknownScore: number;
  /** Ids for such a character: one for each byte, by byte, or one id for a run of such characters. */
  readonly unknown: { readonly byteIds: Int32Array } | { readonly id: number };
}

/** Bits that remember which two characters, of three bytes each, begin a piece. */
const pairBits = 18;

/** Plain data: it may be sent to a thread. */
export class PieceTable {
  readonly trie: DoubleArray;
  readonly unknownScore: number;
  /** By slot of the trie: score, id and bytes of the piece that ends there. */
  readonly scores: Float64Array;
  readonly ids: Int32Array;
  readonly lengths: Int32Array;
  /** By code point up to U+FFFF: the slot that its bytes lead to, 0 for none. */
  readonly firstSlots = new Int32Array(0x10000);
  /** A bit for each two characters of three bytes that begin a piece. */
  readonly pairs = new Int32Array(2 ** (pairBits - 5));
  /** By ASCII character: the id of its piece, or -1. */
  readonly singles = new Int32Array(256).fill(-1);
  /** By ASCII character and, 256 times, the byte before it: 1 if a piece holds both. */
  readonly joins = new Uint8Array(0x8000);
  /** By id. */
  readonly scoreOfIds: Float64Array;
  /** The largest size of any score. */
  readonly largest: number;
  /** Ids of bytes, if characters without a piece are written in bytes. */
  readonly byteIds: Int32Array | undefined;
  readonly unknownId: number;

  /** @throws RangeError for pieces that are empty or occur twice */
  constructor({ strings, scores, ids, unknownScore, unknown: fallback }: EncoderPieces) {
    this.trie = buildDoubleArray(strings);
    const { values } = this.trie;
    this.scores = new Float64Array(values.length);
    this.ids = new Int32Array(values.length);
    this.lengths = new Int32Array(values.length);
    const { pool, starts } = strings;
    for (let slot = 0; slot < values.length; slot++) {
      const value = values[slot];
      if (value < 0) continue;
      this.scores[slot] = scores[value];
      this.ids[slot] = ids[value];
      this.lengths[slot] = starts[value + 1] - starts[value];
    }
    for (let i = 0; i < ids.length; i++) {
      const [at, end] = [starts[i], starts[i + 1]];
      const codePoint = codePointAt(pool, at);
      if (end >= at + 6 && isThreeBytes(pool[at]) && isThreeBytes(pool[at + 3])) {
        const pair = pairOf(codePoint, codePointAt(pool, at + 3));
        this.pairs[pair >>> 5] |= 1 << (pair & 31);
      }
      if (codePoint <= 0xffff && this.firstSlots[codePoint] === 0) {
        this.firstSlots[codePoint] = slotAfter(this.trie, pool, at, at + utf8Length(pool[at]));
      }
      if (end - at === 1) this.singles[pool[at]] = ids[i];
      for (let k = at + 1; k < end; k++) {
        if (pool[k] < 0x80) this.joins[pool[k] << 8 | pool[k - 1]] = 1;
      }
    }
    this.scoreOfIds = new Float64Array(ids.reduce((most, id) => Math.max(most, id + 1), 0));
    ids.forEach((id, i) => this.scoreOfIds[id] = scores[i]);
    this.largest = scores.reduce((most, s) => Math.max(most, Math.abs(s)), Math.abs(unknownScore));
    this.unknownScore = unknownScore;
    this.byteIds = "byteIds" in fallback ? fallback.byteIds : undefined;
    this.unknownId = "id" in fallback ? fallback.id : -1;
  }
}

/** The slot that the bytes `from … to` lead to; 0 for none. */
function slotAfter({ root, slots }: DoubleArray, bytes: Uint8Array, from: number, to: number) {
  let slot = 0;
  let offset = root;
  for (let at = from; at < to; at++) {
    slot = offset ^ bytes[at];
    const content = slots[slot];
    if ((content & byteMask) !== bytes[at]) return 0;
    offset = content >>> offsetShift;
  }
  return slot;
}

function isThreeBytes(lead: number): boolean {
  return (lead & 0xf0) === 0xe0;
}

function pairOf(first: number, second: number): number {
  return Math.imul(Math.imul(first, 0x9e3779b1) ^ second, 0x85ebca6b) >>> (32 - pairBits);
}
