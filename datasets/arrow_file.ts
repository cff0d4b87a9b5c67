/**
 * Arrow IPC files written and read a record batch at a time, so that a file of any size needs the memory of one batch.
 *
 * Reads are synchronous and touch only the batch asked for: arrow-js has that only for files held in memory, and reads one
 * huge batch back wrong (apache/arrow-js issue 139).
 */
import {
  AsyncByteQueue,
  type Data,
  type DataType,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchReader,
  type Schema,
  Struct,
  Table,
  tableToIPC,
  type Vector,
} from "apache-arrow";
import { basename } from "node:path";
import { messageOf, StageError } from "../base/mod.ts";

const magic = "ARROW1";
/** The magic string padded to 8 bytes: what a file opens with. */
const headBytes = 8;
/** Footer length (int32) and magic string: what a file ends with. */
const tailBytes = 4 + magic.length;

/** Where a file that is being written stands, between two batches: plain data for checkpoints. */
export interface ArrowPosition {
  readonly bytes: number;
  /** Offset, metadata length and body length of each batch so far. */
  readonly blocks: readonly (readonly [number, number, number])[];
}

/** Writes record batches of one schema to a file. `finish` makes the file whole; disposing closes it in any case. */
export class ArrowFileWriter implements Disposable {
  readonly #schema: Schema;
  readonly #file: Deno.FsFile;
  readonly #writer: ResumableWriter;

  /** @param from goes on with a file of this schema behind the batches that it had then; what follows is dropped */
  constructor(path: string, schema: Schema, from?: ArrowPosition) {
    this.#schema = schema;
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: from === undefined });
    this.#writer = new ResumableWriter();
    const sink = new FileSink(this.#file);
    sink.isOff = from !== undefined; // the head is there
    this.#writer.reset(sink, schema);
    sink.isOff = false;
    if (from === undefined) return;
    this.#file.truncateSync(from.bytes);
    this.#file.seekSync(from.bytes, Deno.SeekMode.Start);
    this.#writer.position = from;
  }

  /** Waits until all batches so far have reached the disk, and says where the file stands. */
  position(): ArrowPosition {
    this.#file.syncSync();
    return this.#writer.position;
  }

  /** Appends a batch: a column for each field of the schema, all of the same length, which is not 0. */
  write(columns: readonly Data[]): void {
    const type = new Struct(this.#schema.fields);
    const { length } = columns[0];
    const data = makeData({ type, length, nullCount: 0, children: [...columns] });
    this.#writer.write(new RecordBatch(this.#schema, data));
  }

  /** Writes the footer and waits until the bytes have reached the disk. */
  finish(): void {
    this.#writer.finish();
    this.#file.syncSync();
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** arrow-js's writer, whose state can be read and set. */
class ResumableWriter extends RecordBatchFileWriter {
  get position(): ArrowPosition {
    const blocks = this._recordBatchBlocks.map(({ offset, metaDataLength, bodyLength }) =>
      [offset, metaDataLength, bodyLength] as const
    );
    return { bytes: this._position, blocks };
  }

  set position({ bytes, blocks }: ArrowPosition) {
    this._position = bytes;
    this._recordBatchBlocks = blocks.map(([offset, metaDataLength, bodyLength]) => ({
      offset,
      metaDataLength,
      bodyLength,
    }));
  }
}

/** Where arrow-js puts its bytes: straight into the file, instead of a queue that nobody drains before the end. */
class FileSink extends AsyncByteQueue<Uint8Array> {
  readonly #file: Deno.FsFile;
  /** What is written is dropped. */
  isOff = false;

  constructor(file: Deno.FsFile) {
    super();
    this.#file = file;
  }

  override write(value: ArrayBufferLike | ArrayBufferView): void {
    if (this.isOff) return;
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
  }
}

/** Reads any record batch of an Arrow IPC file that has no dictionaries. */
export class ArrowFileReader implements Disposable {
  readonly schema: Schema;
  readonly #name: string;
  readonly #file: Deno.FsFile;
  readonly #blocks: readonly Block[];
  /** The schema as an IPC message: before a batch it makes a stream that arrow-js can read. */
  readonly #prefix: Uint8Array;

  /**
   * @param columns Arrow type by column name, as in `{ text: "Utf8" }`: what the file must have, in this order.
   * @throws StageError when the file is missing, damaged, or has other columns.
   */
  constructor(path: string, columns: Readonly<Record<string, string>>) {
    this.#name = basename(path);
    this.#file = openFile(path);
    try {
      const size = this.#file.statSync().size;
      const footer = this.#readFooter(size);
      this.schema = footer.schema;
      this.#blocks = [...footer.recordBatches()];
      if (this.#blocks.some((block) => !liesWithin(block, size))) {
        this.#fail("record batches inside the file", "one that ends behind it");
      }
      this.#checkColumns(columns);
      // The stream's end mark (8 bytes) makes way for the batch.
      this.#prefix = tableToIPC(new Table(this.schema), "stream").slice(0, -8);
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  get batches(): number {
    return this.#blocks.length;
  }

  /** The columns of batch `index`, by name. @throws StageError when its bytes are damaged. */
  batch(index: number): Record<string, Vector> {
    const { offset, metaDataLength, bodyLength } = this.#blocks[index];
    const bytes = new Uint8Array(this.#prefix.length + metaDataLength + bodyLength);
    bytes.set(this.#prefix);
    this.#readInto(bytes.subarray(this.#prefix.length), offset);
    const batch = this.#decode(`record batch ${index}`, () => {
      const { value } = RecordBatchReader.from(bytes).next();
      // Where it finds no batch, arrow-js makes up one without rows; the writer makes none.
      if (!(value instanceof RecordBatch) || value.numRows === 0) throw new Error("no rows");
      return value;
    });
    return Object.fromEntries(
      this.schema.fields.map(({ name }) => [name, batch.getChild(name) as Vector]),
    );
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #readFooter(size: number) {
    const tail = new Uint8Array(tailBytes);
    if (size < headBytes + tailBytes) this.#fail("an Arrow file", `${size} bytes`);
    this.#readInto(tail, size - tailBytes);
    if (new TextDecoder().decode(tail.subarray(4)) !== magic) {
      this.#fail(`"${magic}" at its end`, "other bytes: the file is cut short or no Arrow file");
    }
    const length = new DataView(tail.buffer).getInt32(0, true);
    if (length <= 0 || length > size - headBytes - tailBytes) {
      this.#fail("a footer inside the file", `one of ${length} bytes`);
    }
    // An Arrow file without its batches: arrow-js decodes the footer of it.
    const bytes = new Uint8Array(headBytes + length + tailBytes);
    bytes.set(new TextEncoder().encode(magic));
    this.#readInto(bytes.subarray(headBytes), size - tailBytes - length);
    return this.#decode("footer", () => {
      const { footer } = RecordBatchReader.from(bytes).open();
      if (!footer) throw new Error("no footer");
      return footer;
    });
  }

  #checkColumns(columns: Readonly<Record<string, string>>): void {
    const describe = (entries: [string, string][]) =>
      entries.map(([name, type]) => `${name} (${type})`).join(", ");
    const expected = describe(Object.entries(columns));
    const found = describe(
      this.schema.fields.map((field) => [field.name, String(field.type as DataType)]),
    );
    if (found !== expected) this.#fail(`columns ${expected}`, found);
  }

  #readInto(bytes: Uint8Array, offset: number): void {
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let at = 0; at < bytes.length;) {
      const read = this.#file.readSync(bytes.subarray(at));
      if (read === null) this.#fail(`${bytes.length} bytes at ${offset}`, `${at}`);
      at += read!;
    }
  }

  /** arrow-js fails on damaged bytes with errors that name no file. */
  #decode<T>(part: string, decode: () => T): T {
    try {
      return decode();
    } catch (cause) {
      throw new StageError(
        `Cannot read "${this.#name}", ${part}: expected Arrow IPC, found damaged bytes (${
          messageOf(cause)
        })`,
        { cause },
      );
    }
  }

  #fail(expected: string, found: string): never {
    throw new StageError(`Cannot read "${this.#name}": expected ${expected}, found ${found}`);
  }
}

interface Block {
  readonly offset: number;
  readonly metaDataLength: number;
  readonly bodyLength: number;
}

function liesWithin({ offset, metaDataLength, bodyLength }: Block, size: number): boolean {
  return offset >= headBytes && metaDataLength > 0 && bodyLength >= 0 &&
    offset + metaDataLength + bodyLength <= size;
}

function openFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path);
  } catch (cause) {
    throw new StageError(
      `Cannot read "${basename(path)}": expected an Arrow file, found ${
        cause instanceof Deno.errors.NotFound ? "nothing there" : messageOf(cause)
      }`,
      { cause },
    );
  }
}
