/**
 * Arrow IPC files written and read a record batch at a time, so that a file of any size needs the memory of one batch.
 *
 * Reads are synchronous and touch only the batch asked for: arrow-js has that only for files held in memory, and reads one
 * huge batch back wrong (apache/arrow-js issue 139).
 */
import {
  AsyncByteQueue,
  type Data,
  Float64,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchReader,
  type Schema,
  Struct,
  type Vector,
} from "apache-arrow";
import { basename } from "node:path";
import { messageOf, readFully, StageError, writeAll } from "../base/mod.ts";
import {
  type ArrowBlock,
  type ArrowFooter,
  arrowHeadBytes,
  arrowTailBytes,
  footerBytes,
  parseFooter,
  schemaMessage,
} from "./readers/arrow_footer.ts";
import { DataError, fileError } from "./readers/data_error.ts";

/** Where a file that is being written stands, between two batches: plain data for checkpoints. */
export interface ArrowPosition {
  readonly bytes: number;
  /** Offset, metadata length and body length of each batch so far. */
  readonly blocks: readonly (readonly [number, number, number])[];
}

/** So many bytes are worth a sync of their own. */
const syncedBytes = 16 * 2 ** 20;

/** Writes record batches of one schema to a file. `finish` makes the file whole; disposing closes it in any case. */
export class ArrowFileWriter implements Disposable {
  readonly #schema: Schema;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #writer: ResumableWriter;
  /** Where the file ended when it was last sent to the disk. */
  #sentBytes: number;
  #isSending = false;

  /** @param from goes on with a file of this schema after the batches that it had then; what follows is dropped */
  constructor(path: string, schema: Schema, from?: ArrowPosition) {
    this.#schema = schema;
    this.#path = path;
    this.#sentBytes = from?.bytes ?? 0;
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
    if (this.#writer.bytes >= this.#sentBytes + syncedBytes && !this.#isSending) this.#send();
  }

  /**
   * Lets the system write to the disk while the next batches are made: the sync that proves it has less to wait for. It has a
   * file handle of its own, since an error of the disk is told once for each handle, and the other one must hear of it.
   */
  async #send(): Promise<void> {
    this.#isSending = true;
    this.#sentBytes = this.#writer.bytes;
    try {
      using file = await Deno.open(this.#path);
      await file.syncData();
    } catch { /* the sync at the end fails too, or all is well */ }
    this.#isSending = false;
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

/** Numbers as a column without nulls; the values are copied. */
export function float64Column(values: ArrayLike<number>): Data<Float64> {
  const data = Float64Array.from(values);
  return makeData({ type: new Float64(), length: data.length, nullCount: 0, data });
}

/** arrow-js's writer, whose state can be read and set. */
class ResumableWriter extends RecordBatchFileWriter {
  get bytes(): number {
    return this._position;
  }

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
    writeAll(this.#file, bytes);
  }
}

/** Reads any record batch of an Arrow IPC file that has no dictionaries. */
export class ArrowFileReader implements Disposable {
  readonly schema: Schema;
  readonly #name: string;
  readonly #file: Deno.FsFile;
  readonly #blocks: readonly ArrowBlock[];
  /** The schema as an IPC message: before a batch it makes a stream that arrow-js can read. */
  readonly #prefix: Uint8Array<ArrayBuffer>;

  /**
   * @param columns Arrow type by column name, as in `{ text: "Utf8" }`: what the file must have, in this order.
   * @throws StageError when the file is missing, damaged, or has other columns.
   */
  constructor(path: string, columns: Readonly<Record<string, string>>) {
    this.#name = basename(path);
    this.#file = openFile(path);
    try {
      const footer = this.#decode("", () => this.#readFooter());
      this.schema = footer.schema;
      this.#blocks = footer.batches;
      this.#prefix = schemaMessage(this.schema);
      this.#decode("", () => this.#checkColumns(columns));
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
    const { offset, metadataBytes, bodyBytes } = this.#blocks[index];
    const batch = this.#decode(`record batch ${index}`, () => {
      const stream = this.#read(offset, metadataBytes + bodyBytes, this.#prefix);
      const { value } = RecordBatchReader.from(stream).next();
      // Where it finds no batch, arrow-js makes up one without rows; the writer makes none.
      if (!(value instanceof RecordBatch) || value.numRows === 0) {
        throw new Error("no rows");
      }
      return value;
    });
    return Object.fromEntries(
      this.schema.fields.map(({ name }) => [name, batch.getChild(name) as Vector]),
    );
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #readFooter(): ArrowFooter {
    const { size } = this.#file.statSync();
    const end = size - arrowTailBytes;
    if (end < arrowHeadBytes) throw new DataError(`expected an Arrow file, found ${size} bytes`);
    const length = footerBytes(this.#read(end, arrowTailBytes), size);
    return parseFooter(this.#read(end - length, length), size);
  }

  #checkColumns(columns: Readonly<Record<string, string>>): void {
    const describe = (entries: [string, unknown][]) =>
      entries.map(([name, type]) => `${name} (${type})`).join(", ");
    const expected = describe(Object.entries(columns));
    const found = describe(this.schema.fields.map(({ name, type }) => [name, type]));
    if (found !== expected) throw new DataError(`expected columns ${expected}, found ${found}`);
  }

  /** Bytes of the file, after others. */
  #read(offset: number, length: number, before = new Uint8Array()): Uint8Array {
    const bytes = new Uint8Array(before.length + length);
    bytes.set(before);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    const found = readFully(this.#file, bytes.subarray(before.length));
    if (found < length) {
      throw new DataError(`expected ${length} bytes at ${offset}, found ${found}`);
    }
    return bytes;
  }

  /** arrow-js fails on damaged bytes with errors that name no file. */
  #decode<T>(part: string, decode: () => T): T {
    try {
      return decode();
    } catch (cause) {
      const problem = cause instanceof DataError
        ? cause.message
        : `expected Arrow IPC, found damaged bytes (${messageOf(cause)})`;
      throw fileError(this.#name, part, new DataError(problem, { cause }));
    }
  }
}

function openFile(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path);
  } catch (cause) {
    const found = cause instanceof Deno.errors.NotFound ? "nothing there" : messageOf(cause);
    throw new StageError(
      `Cannot read "${basename(path)}": expected an Arrow file, found ${found}`,
      { cause },
    );
  }
}
