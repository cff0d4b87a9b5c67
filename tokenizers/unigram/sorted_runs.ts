/**
 * Sorted runs: counted byte strings on disk, for tables that outgrow their memory. Several are read as one by merging.
 *
 * A run is a row of records by ascending bytes: length (uint32), count (float64), bytes; little-endian.
 */
import { readFully, StageError, writeAll } from "../../base/mod.ts";
import type {
  ByteStringCounter,
  ByteStringCounts,
  CounterTable,
  CountVisitor,
} from "./byte_string_counter.ts";
import { compareRanges } from "./utf8.ts";

const headBytes = 12;
const bufferBytes = 1 << 18;

/** Writes a counter's entries as a run; the file appears whole or, after a kill, cut short under `path`. */
export function writeRun(path: string, counter: ByteStringCounter): void {
  const file = Deno.openSync(path, { write: true, create: true, truncate: true });
  try {
    let buffer = new Uint8Array(bufferBytes);
    let view = new DataView(buffer.buffer);
    let length = 0;
    const { pool, starts, counts } = counter.table;
    for (const entry of counter.sorted()) {
      const [from, to] = [starts[entry], starts[entry + 1]];
      if (length + headBytes + to - from > buffer.length) {
        writeAll(file, buffer.subarray(0, length));
        length = 0;
        if (headBytes + to - from > buffer.length) {
          buffer = new Uint8Array(headBytes + to - from);
          view = new DataView(buffer.buffer);
        }
      }
      view.setUint32(length, to - from, true);
      view.setFloat64(length + 4, counts[entry], true);
      buffer.set(pool.subarray(from, to), length + headBytes);
      length += headBytes + to - from;
    }
    writeAll(file, buffer.subarray(0, length));
    file.syncDataSync();
  } finally {
    file.close();
  }
}

/**
 * The strings of runs and of a counter, each once with the sum of its counts, by ascending bytes. Visiting them throws a
 * StageError for a run that is cut short.
 */
export function mergedCounts(
  runs: readonly string[],
  counter: ByteStringCounter,
): ByteStringCounts {
  return {
    forEach(visit) {
      const cursors = [...runs.map((path) => new RunCursor(path)), new CounterCursor(counter)];
      try {
        mergeCursors(cursors, visit);
      } finally {
        for (const cursor of cursors) cursor.close();
      }
    },
  };
}

function mergeCursors(cursors: readonly Cursor[], visit: CountVisitor): void {
  const heap = cursors.filter((cursor) => cursor.next());
  for (let at = heap.length >> 1; at-- > 0;) sink(heap, at);
  let current = new Uint8Array(1024);
  while (heap.length > 0) {
    const first = heap[0];
    const length = first.to - first.from;
    if (length > current.length) current = new Uint8Array(length * 2);
    current.set(first.bytes.subarray(first.from, first.to)); // a cursor that moves on overwrites its own
    let count = 0;
    while (
      heap.length > 0 &&
      compareRanges(heap[0].bytes, heap[0].from, heap[0].to, current, 0, length) === 0
    ) {
      count += heap[0].count;
      if (!heap[0].next()) {
        const last = heap.pop()!;
        if (heap.length > 0) heap[0] = last;
      }
      sink(heap, 0);
    }
    visit(current, 0, length, count);
  }
}

/** Restores the order of a heap below `at`. */
function sink(heap: Cursor[], at: number): void {
  for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
    if (!isBefore(heap[child], heap[at])) return;
    [heap[at], heap[child]] = [heap[child], heap[at]];
    at = child;
  }
}

function isBefore(a: Cursor, b: Cursor): boolean {
  return compareRanges(a.bytes, a.from, a.to, b.bytes, b.from, b.to) < 0;
}

/** A place in a sorted list: the string `bytes[from … to]` and its count. */
interface Cursor {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Goes to the next string; false when there is none. */
  next(): boolean;
  close(): void;
}

class CounterCursor implements Cursor {
  readonly bytes: Uint8Array;
  from = 0;
  to = 0;
  count = 0;
  readonly #table: CounterTable;
  readonly #order: Int32Array;
  #at = 0;

  constructor(counter: ByteStringCounter) {
    this.#table = counter.table;
    this.bytes = this.#table.pool;
    this.#order = counter.sorted();
  }

  next(): boolean {
    if (this.#at === this.#order.length) return false;
    const entry = this.#order[this.#at++];
    this.from = this.#table.starts[entry];
    this.to = this.#table.starts[entry + 1];
    this.count = this.#table.counts[entry];
    return true;
  }

  close(): void {}
}

class RunCursor implements Cursor {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(bufferBytes);
  from = 0;
  to = 0;
  count = 0;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #view = new DataView(this.bytes.buffer);
  #end = 0;

  constructor(path: string) {
    this.#path = path;
    this.#file = Deno.openSync(path);
  }

  next(): boolean {
    if (!this.#fill(headBytes)) return false;
    const length = this.#view.getUint32(this.to, true);
    this.count = this.#view.getFloat64(this.to + 4, true);
    if (!this.#fill(headBytes + length)) this.#fail();
    this.from = this.to + headBytes;
    this.to = this.from + length;
    return true;
  }

  close(): void {
    this.#file.close();
  }

  /** Sees to it that `length` bytes follow `to`; false at the end of the file. */
  #fill(length: number): boolean {
    if (this.#end - this.to >= length) return true;
    const rest = this.bytes.subarray(this.to, this.#end);
    if (length > this.bytes.length) {
      const bytes = new Uint8Array(length * 2);
      bytes.set(rest);
      this.bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    } else {
      this.bytes.copyWithin(0, this.to, this.#end);
    }
    this.#end = rest.length + readFully(this.#file, this.bytes.subarray(rest.length));
    this.to = 0;
    if (this.#end > 0 && this.#end < length) this.#fail();
    return this.#end > 0;
  }

  #fail(): never {
    throw new StageError(
      `Cannot read counted words in "${this.#path}": expected a whole record, found the end of the file`,
    );
  }
}
