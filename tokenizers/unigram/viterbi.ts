/**
 * The best segmentation of a stretch of bytes: the highest sum of scores over the pieces of a vocabulary (Viterbi).
 *
 * Pieces are tried from the earliest start to the latest, and a later way to the same place must be strictly better:
 * of equal sums the one whose last piece begins earlier wins. A character without a piece of its own may stand for itself.
 *
 * Sums run in double precision from the stretch's start (`find`), or as SentencePiece runs them (`findAfter`): from a score
 * that the text before has left, added in double, kept in single precision.
 */
import {
  buildDoubleArray,
  byteMask,
  type ByteStrings,
  type DoubleArray,
  endFlag,
  offsetShift,
} from "./double_array.ts";
import { grown } from "./grown.ts";
import { codePointAt, utf8Length } from "./utf8.ts";

/** Pieces as an encoder needs them: what they match in text, what they score, which id they give. */
export interface EncoderPieces {
  readonly strings: ByteStrings;
  /** By string: natural logarithm of its probability, or whatever else is to be summed. */
  readonly scores: Float64Array;
  /** By string. */
  readonly ids: Int32Array;
  /** Score of a character that has no piece. */
  readonly unknownScore: number;
  /** What such a character gives: the ids of its bytes, by byte, or one id for a run of such characters. */
  readonly unknown: { readonly byteIds: Int32Array } | { readonly id: number };
}

/** Stretches up to this many bytes are counted first, then written in place. */
const shortLength = 64;

const lengthBits = 10;
const lengthMask = (1 << lengthBits) - 1;

/** Bits that remember which two characters, of three bytes each, begin a piece. */
const pairBits = 18;

export class Viterbi {
  readonly trie: DoubleArray;
  readonly unknownScore: number;
  /** By slot of the trie: score and id of the piece that ends there. */
  readonly scores: Float64Array;
  readonly ids: Int32Array;
  /** By slot: bytes of the piece that ends there. */
  readonly #lengths: Int32Array;
  /** By code point up to U+FFFF: the slot that its bytes lead to, 0 for none. */
  readonly #firstSlots = new Int32Array(0x10000);
  readonly #pairs = new Int32Array(2 ** (pairBits - 5));
  /** Ids of bytes, if characters without a piece are written in bytes. */
  readonly byteIds: Int32Array | undefined;
  readonly unknownId: number;

  // By place in a stretch: score of the best way there; slot of its last piece (0 for a character without one) and its
  // bytes, 0 bytes for more than fit.
  #best: Float64Array<ArrayBuffer> = new Float64Array(64);
  #last: Int32Array<ArrayBuffer> = new Int32Array(64);
  /** Score of the second best way. */
  #second: Float64Array<ArrayBuffer> = new Float64Array(64);

  /** A character without a piece was met by the last search. */
  hasUnknown = false;

  /** @throws RangeError for pieces that are empty or occur twice */
  constructor({ strings, scores, ids, unknownScore, unknown: fallback }: EncoderPieces) {
    this.trie = buildDoubleArray(strings);
    const { values } = this.trie;
    this.scores = new Float64Array(values.length);
    this.ids = new Int32Array(values.length);
    this.#lengths = new Int32Array(values.length);
    for (let slot = 0; slot < values.length; slot++) {
      const value = values[slot];
      if (value < 0) continue;
      this.scores[slot] = scores[value];
      this.ids[slot] = ids[value];
      this.#lengths[slot] = strings.starts[value + 1] - strings.starts[value];
    }
    for (let i = 0; i + 1 < strings.starts.length; i++) {
      const at = strings.starts[i];
      const codePoint = codePointAt(strings.pool, at);
      if (
        strings.starts[i + 1] >= at + 6 && isThreeBytes(strings.pool[at]) &&
        isThreeBytes(strings.pool[at + 3])
      ) {
        const pair = pairOf(codePoint, codePointAt(strings.pool, at + 3));
        this.#pairs[pair >>> 5] |= 1 << (pair & 31);
      }
      if (codePoint > 0xffff || this.#firstSlots[codePoint] !== 0) continue;
      const to = at + utf8Length(strings.pool[at]);
      this.#firstSlots[codePoint] = this.#slotAfter(strings.pool, at, to);
    }
    this.unknownScore = unknownScore;
    this.byteIds = "byteIds" in fallback ? fallback.byteIds : undefined;
    this.unknownId = "id" in fallback ? fallback.id : -1;
  }

  /** Finds the best segmentation of `start … end`, for `write` to give. */
  find(bytes: Uint8Array, start: number, end: number): void {
    this.#run(bytes, start, end, 0, false);
  }

  /**
   * Finds the segmentation that SentencePiece gives `start … end` after text that scored `before`, and returns the score
   * up to `end`.
   *
   * Source: SentencePiece 0.1.97, `unigram_model.cc`, `EncodeOptimized`.
   */
  findAfter(bytes: Uint8Array, start: number, end: number, before: number): number {
    this.#run(bytes, start, end, before, true);
    return this.#best[end - start];
  }

  #run(bytes: Uint8Array, start: number, end: number, before: number, isSingle: boolean): void {
    const length = end - start;
    this.#reserve(length);
    const best = this.#best;
    const last = this.#last;

    const slots = this.trie.slots;
    const scores = this.scores;
    const firstSlots = this.#firstSlots;
    const pairs = this.#pairs;
    const unknownScore = this.unknownScore;
    clear(best, length, before);
    let hasUnknown = false;
    for (let i = 0; i < length;) {
      const till = best[i];
      const lead = bytes[start + i];
      // The first character at one go.
      let next: number;
      let codePoint: number;
      let slot: number;
      if (lead < 0x80) {
        next = i + 1;
        codePoint = lead;
        slot = firstSlots[lead];
      } else if (lead < 0xf0) {
        const low = bytes[start + i + 1] & 0x3f;
        if (lead < 0xe0) {
          next = i + 2;
          codePoint = (lead & 0x1f) << 6 | low;
        } else {
          next = i + 3;
          codePoint = (lead & 0x0f) << 12 | low << 6 | (bytes[start + i + 2] & 0x3f);
        }
        slot = firstSlots[codePoint];
      } else {
        next = i + 4;
        codePoint = 0;
        slot = this.#slotAfter(bytes, start + i, start + next);
      }
      let isKnown = false;
      let j = next;
      if (slot !== 0) {
        const content = slots[slot];
        let offset = content >>> offsetShift;
        if ((content & endFlag) !== 0) {
          isKnown = true;
          const score = till + scores[slot];
          if (score > best[j]) {
            best[j] = isSingle ? Math.fround(score) : score;
            last[j] = slot << lengthBits | (next - i);
          }
        }
        if (codePoint >= 0x800 && j + 2 < length && isThreeBytes(bytes[start + j])) {
          const pair = pairOf(
            codePoint,
            (bytes[start + j] & 0x0f) << 12 | (bytes[start + j + 1] & 0x3f) << 6 |
              (bytes[start + j + 2] & 0x3f),
          );
          if ((pairs[pair >>> 5] & (1 << (pair & 31))) === 0) j = length; // no piece goes on
        }
        while (j < length) {
          const byte = bytes[start + j++];
          slot = offset ^ byte;
          const content = slots[slot];
          if ((content & byteMask) !== byte) break;
          offset = content >>> offsetShift;
          if ((content & endFlag) === 0) continue;
          const score = till + scores[slot];
          if (score > best[j]) {
            best[j] = isSingle ? Math.fround(score) : score;
            const size = j - i;
            last[j] = slot << lengthBits | (size <= lengthMask ? size : 0);
          }
        }
      }
      if (!isKnown) {
        hasUnknown = true;
        // A sum of two single-precision numbers in SentencePiece.
        const score = isSingle ? Math.fround(till + unknownScore) : till + unknownScore;
        if (score > best[next]) {
          best[next] = score;
          last[next] = next - i;
        }
      }
      i = next;
    }
    this.hasUnknown = hasUnknown;
  }

  /** The slot that the bytes `from … to` lead to; 0 for none. */
  #slotAfter(bytes: Uint8Array, from: number, to: number): number {
    let slot = 0;
    let offset = this.trie.root;
    for (let at = from; at < to; at++) {
      slot = offset ^ bytes[at];
      const content = this.trie.slots[slot];
      if ((content & byteMask) !== bytes[at]) return 0;
      offset = content >>> offsetShift;
    }
    return slot;
  }

  /**
   * `find`, and how far the runner-up was behind: the least lead of the best way over the second best at any of the places
   * that it goes through. No rounding by less than half of that changes the segmentation.
   */
  findWithLead(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    this.#reserve(length);
    const best = this.#best;
    const last = this.#last;
    const second = this.#second = grown(this.#second, this.#best.length);
    const { root, slots } = this.trie;
    const { scores, unknownScore } = this;
    clear(best, length, 0);
    clear(second, length, 0);
    let hasUnknown = false;
    const offer = (j: number, score: number, ending: number) => {
      if (score > best[j]) {
        second[j] = best[j];
        best[j] = score;
        last[j] = ending;
      } else if (score > second[j]) {
        second[j] = score;
      }
    };
    for (let i = 0; i < length;) {
      const next = i + utf8Length(bytes[start + i]);
      let offset = root;
      let isKnown = false;
      for (let j = i; j < length;) {
        const byte = bytes[start + j++];
        const slot = offset ^ byte;
        const content = slots[slot];
        if ((content & byteMask) !== byte) break;
        offset = content >>> offsetShift;
        if ((content & endFlag) === 0) continue;
        if (j === next) isKnown = true;
        const size = j - i;
        offer(j, best[i] + scores[slot], slot << lengthBits | (size <= lengthMask ? size : 0));
      }
      if (!isKnown) {
        hasUnknown = true;
        offer(next, best[i] + unknownScore, next - i);
      }
      i = next;
    }
    this.hasUnknown = hasUnknown;
    let lead = Infinity;
    for (let to = length; to > 0; to -= this.#sizeOf(last[to])) {
      lead = Math.min(lead, best[to] - second[to]);
    }
    return lead;
  }

  /**
   * Writes the ids that the last search found for `start … end` to `out` from place `at`, where there is room for
   * `end - start`, and returns their number.
   */
  write(bytes: Uint8Array, start: number, end: number, out: Int32Array, at: number): number {
    const last = this.#last;
    const { ids } = this;
    const length = end - start;
    if (!this.hasUnknown && length <= shortLength) {
      let count = 0;
      for (let to = length; to > 0; to -= last[to] & lengthMask) count++;
      for (let to = length, i = at + count; to > 0;) {
        const ending = last[to];
        out[--i] = ids[ending >>> lengthBits];
        to -= ending & lengthMask;
      }
      return count;
    }
    // From the end of the room, then moved to its front.
    const { byteIds } = this;
    let i = at + length;
    let isRun = false;
    for (let to = length, from = 0; to > 0; to = from) {
      const slot = last[to] >>> lengthBits;
      from = to - this.#sizeOf(last[to]);
      if (slot > 0) {
        out[--i] = ids[slot];
        isRun = false;
      } else if (byteIds !== undefined) {
        for (let k = to - 1; k >= from; k--) out[--i] = byteIds[bytes[start + k]];
      } else {
        if (!isRun) out[--i] = this.unknownId;
        isRun = true;
      }
    }
    out.copyWithin(at, i, at + length);
    return at + length - i;
  }

  /** The pieces that the last search found for `length` bytes, last one first; slot -1 for a character without a piece. */
  *ends(length: number): Generator<{ from: number; to: number; slot: number }> {
    for (let to = length, from = 0; to > 0; to = from) {
      const slot = this.#last[to] >>> lengthBits;
      from = to - this.#sizeOf(this.#last[to]);
      yield { from, to, slot: slot > 0 ? slot : -1 };
    }
  }

  /** Bytes of the last piece of a way, as `#last` has it. */
  #sizeOf(ending: number): number {
    return ending & lengthMask || this.#lengths[ending >>> lengthBits];
  }

  #reserve(length: number): void {
    if (length < this.#best.length) return;
    this.#best = grown(this.#best, length + 1);
    this.#last = grown(this.#last, this.#best.length);
  }
}

function clear(scores: Float64Array, length: number, first: number): void {
  if (length > 256) scores.fill(-Infinity, 1, length + 1);
  else for (let i = 1; i <= length; i++) scores[i] = -Infinity;
  scores[0] = first;
}

function isThreeBytes(lead: number): boolean {
  return (lead & 0xf0) === 0xe0;
}

function pairOf(first: number, second: number): number {
  return Math.imul(Math.imul(first, 0x9e3779b1) ^ second, 0x85ebca6b) >>> (32 - pairBits);
}
