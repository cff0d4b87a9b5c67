/**
 * Zstandard data as frames, so that several members and a cut end are told apart: a decompressor that is given all bytes
 * at once stops without an error after the first frame, and at the end of the data.
 *
 * Source: RFC 8878, §3.1 (frames, blocks, skippable frames).
 */
import { formatBytes } from "../../base/mod.ts";
import { DataError } from "./data_error.ts";

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50; // the last four bits are free

/** Bytes of a frame, in order; `isLast` closes it. */
export interface FramePart {
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

type State = "magic" | "header" | "block" | "body" | "checksum" | "skip-size" | "skip" | "padding";

/** What is wrong with a file that goes on after its data. */
export const bytesAfterEnd =
  "expected zeros or nothing after the end of the packed data, found trailing bytes; cut them off";

/** A zstd window takes at most this much memory: 2^27 bytes, the library's own default. */
export const maxWindowLog = 27;

/** Finds where frames end, from the sizes that their blocks declare. */
export class ZstdFrames {
  #state: State = "magic";
  /** What is gathered before it can be understood: magic number and header, a block's header, a checksum. */
  readonly #gathered = new Uint8Array(18);
  #have = 0;
  #need = 4;
  #hasChecksum = false;
  #isAfterFrame = false;
  #isLastBlock = false;

  /** Splits the next bytes of the file. @throws DataError where they are no zstd frame. */
  *split(chunk: Uint8Array): Generator<FramePart> {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + this.#need - this.#have);
      at += part.length;
      if (this.#state === "padding" && part.some((byte) => byte !== 0)) {
        throw new DataError(bytesAfterEnd);
      }
      const isPassed = ["body", "skip", "padding"].includes(this.#state);
      if (!isPassed) this.#gathered.set(part, this.#have);
      this.#have += part.length;
      const isWhole = this.#have === this.#need;
      if (this.#state === "body") yield { bytes: part, isLast: isWhole && this.#endsFrame() };
      if (isWhole) yield* this.#advance();
    }
  }

  /** @throws DataError when the data ends inside a frame. */
  finish(): void {
    const isZeros = this.#gathered.subarray(0, this.#have).every((byte) => byte === 0);
    if (this.#state === "padding") return;
    if (this.#state === "magic" && this.#isAfterFrame && isZeros) return;
    throw new DataError("expected whole zstd data, found a file that is cut short; fetch it again");
  }

  #endsFrame(): boolean {
    return this.#isLastBlock && !this.#hasChecksum;
  }

  /** Takes what is whole, gives it on if it is a frame's, and says what comes next. */
  *#advance(): Generator<FramePart> {
    const bytes = this.#gathered.slice(0, Math.min(this.#need, this.#gathered.length));
    switch (this.#state) {
      case "magic": {
        const magic = new DataView(bytes.buffer).getUint32(0, true);
        if (magic === frameMagic) {
          // The descriptor, the fifth byte, says how long the header is.
          this.#state = "header";
          this.#need = 5;
        } else if (magic === 0 && this.#isAfterFrame) this.#await("padding", Infinity);
        else if ((magic & 0xfffffff0) >>> 0 === skippableMagic) this.#await("skip-size", 4);
        else if (this.#isAfterFrame) throw new DataError(bytesAfterEnd);
        else {
          const found = `0x${magic.toString(16).padStart(8, "0")}`;
          throw new DataError(`expected zstd data, found other bytes (${found})`);
        }
        return;
      }
      case "header": {
        this.#need = 5 + headerRest(bytes[4]);
        if (this.#have < this.#need) return;
        checkWindow(bytes);
        this.#hasChecksum = (bytes[4] & 4) !== 0;
        yield { bytes, isLast: false };
        this.#await("block", 3);
        return;
      }
      case "block": {
        const header = bytes[0] | bytes[1] << 8 | bytes[2] << 16;
        this.#isLastBlock = (header & 1) !== 0;
        const kind = header >> 1 & 3;
        if (kind === 3) throw new DataError("expected zstd data, found a block of a reserved kind");
        const size = kind === 1 ? 1 : header >> 3; // a run is one byte, repeated
        yield { bytes, isLast: size === 0 && this.#endsFrame() };
        if (size > 0) this.#await("body", size);
        else this.#afterBlock();
        return;
      }
      case "body":
        this.#afterBlock();
        return;
      case "checksum":
        yield { bytes, isLast: true };
        this.#await("magic", 4);
        return;
      case "skip-size": {
        const size = new DataView(bytes.buffer).getUint32(0, true);
        if (size > 0) this.#await("skip", size);
        else this.#await("magic", 4);
        return;
      }
      case "skip":
      case "padding":
        this.#await("magic", 4);
        return;
      default:
        this.#state satisfies never;
    }
  }

  #afterBlock(): void {
    if (!this.#isLastBlock) this.#await("block", 3);
    else if (this.#hasChecksum) this.#await("checksum", 4);
    else this.#await("magic", 4);
  }

  #await(state: State, need: number): void {
    if (state === "magic") this.#isAfterFrame = true;
    this.#state = state;
    this.#need = need;
    this.#have = 0;
  }
}

/** Bytes of a frame's header after its descriptor: window, dictionary id, content size. */
function headerRest(descriptor: number): number {
  const isSingle = (descriptor & 0x20) !== 0;
  const contentBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6];
  return (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3] + contentBytes;
}

/** @param header of a frame, from its magic number on. @throws DataError for a window that is too large */
function checkWindow(header: Uint8Array): void {
  const descriptor = header[4];
  const view = new DataView(header.buffer, header.byteOffset);
  // A frame of a single segment has its content for a window.
  const size = (descriptor & 0x20) === 0
    ? 2 ** (10 + (header[5] >> 3)) * (1 + (header[5] & 7) / 8)
    : descriptor >> 6 === 3
    ? Number(view.getBigUint64(5 + [0, 1, 2, 4][descriptor & 3], true))
    : 0; // of at most 2^32 bytes; the decoder checks it
  if (size <= 2 ** maxWindowLog) return;
  const [most, found] = [2 ** maxWindowLog, size].map(formatBytes);
  throw new DataError(
    `expected a zstd window of at most ${most}, found one of ${found} (zstd --long); ` +
      `pack it without --long, or unpack it first`,
  );
}
