/**
 * Where ids are written.
 */
import { grown } from "./grown.ts";

/** Ids written so far. */
export class IdBuffer {
  ids: Int32Array<ArrayBuffer> = new Int32Array(1024);
  length = 0;

  /** Makes room for `more` ids after those that are there; returns the array. */
  reserve(more: number): Int32Array<ArrayBuffer> {
    if (this.length + more > this.ids.length) this.ids = grown(this.ids, this.length + more);
    return this.ids;
  }

  push(id: number): void {
    if (this.length === this.ids.length) this.ids = grown(this.ids, this.length + 1);
    this.ids[this.length++] = id;
  }

  /** The written ids. The caller owns the array; the buffer is empty afterwards. */
  take(): Int32Array<ArrayBuffer> {
    // Up to half as much again stays unused after the end; copying would cost more.
    const isTight = this.ids.length <= 1.5 * this.length;
    const taken = isTight ? this.ids.subarray(0, this.length) : this.slice();
    this.ids = new Int32Array(0);
    this.length = 0;
    return taken;
  }

  /** A copy in 16 bits each, of ids that fit. */
  short(): Uint16Array<ArrayBuffer> {
    return new Uint16Array(this.ids.subarray(0, this.length));
  }

  /** A copy of what was written from place `from` on. */
  slice(from = 0): Int32Array<ArrayBuffer> {
    return this.ids.slice(from, this.length);
  }
}
