/**
 * Arrow IPC files and streams as a sequence of batches, each checked before `apache-arrow` decodes it.
 *
 * Source: Arrow columnar format 1.5, "Serialization and Interprocess Communication".
 */
import { DataType, Message, MessageHeader, RecordBatchReader, type Schema } from "apache-arrow";
import { formatBytes } from "../../base/mod.ts";
import type { Input } from "../input.ts";
import {
  arrowHeadBytes,
  arrowMagic,
  arrowTailBytes,
  footerBytes,
  maxMetadataBytes,
  parseFooter,
  schemaMessage,
} from "./arrow_footer.ts";
import { checkBatch, checkSchema, checkVersion, MetadataTable } from "./arrow_metadata.ts";
import { DataError } from "./data_error.ts";

/**
 * A record batch is read whole; writers make batches of some MB. `apache-arrow` reads batches of more than 2 GB back wrong
 * (its issue 139).
 */
const maxBodyBytes = 1024 * 1024 * 1024;
/** Values of a column in a batch; columns without buffers can claim any number. */
const maxColumnValues = 2 ** 23;

/** A batch of rows, or of a dictionary. */
interface ArrowBatch {
  /** Undefined for a dictionary. */
  readonly rows?: number;
  readonly place: string;
  /** The batch as a stream of its own, with the schema before it. */
  read(): Promise<Uint8Array>;
}

export interface ArrowBatches {
  readonly schema: Schema;
  batches(): AsyncIterable<ArrowBatch>;
}

/** Reads the schema, and of a file the footer. @throws DataError */
export async function openArrow(input: Input): Promise<ArrowBatches> {
  const start = await input.read(0, Math.min(arrowHeadBytes, input.size));
  const text = new TextDecoder("latin1").decode(start);
  if (text.startsWith("FEA1")) {
    throw new DataError("expected Arrow IPC, found a Feather V1 file; write it as Feather V2");
  }
  return text.startsWith(arrowMagic) ? await openFile(input) : await openStream(input);
}

async function openFile(input: Input): Promise<ArrowBatches> {
  if (input.size < arrowHeadBytes + arrowTailBytes) {
    throw new DataError(`expected an Arrow file, found ${input.size} bytes`);
  }
  const end = input.size - arrowTailBytes;
  const length = footerBytes(await input.read(end, arrowTailBytes), input.size);
  const footer = parseFooter(await input.read(end - length, length), input.size);
  const { schema } = footer;
  const prefix = schemaMessage(schema);
  return {
    schema,
    async *batches() {
      for (const kind of ["dictionary batch", "record batch"] as const) {
        const isDictionary = kind === "dictionary batch";
        const blocks = isDictionary ? footer.dictionaries : footer.batches;
        for (const [i, { offset }] of blocks.entries()) {
          const place = `${kind} ${i}`;
          const message = await messageAt(input, offset, place);
          if (message?.isSchema !== false) {
            throw new DataError(`${place}: expected a batch, found another message`);
          }
          const batch = batchOf(message, schema, prefix, place);
          if ((batch.rows === undefined) !== isDictionary) {
            throw new DataError(`${place}: expected it there, found a batch of the other kind`);
          }
          yield batch;
        }
      }
    },
  };
}

async function openStream(input: Input): Promise<ArrowBatches> {
  const first = await messageAt(input, 0, "schema");
  if (first?.isSchema !== true) {
    throw new DataError("expected an Arrow schema at the start, found none");
  }
  const prefix = await first.read();
  const { schema } = RecordBatchReader.from(prefix).open();
  return {
    schema,
    async *batches() {
      let count = 0;
      for (let at = first.end; at < input.size;) {
        const place = `message at byte ${at} (record batch ${count})`;
        const message = await messageAt(input, at, place);
        if (message === undefined) return;
        if (message.isSchema) {
          throw new DataError(`byte ${at}: expected a batch, found a second schema`);
        }
        const batch = batchOf(message, schema, prefix, place);
        if (batch.rows !== undefined) count++;
        yield batch;
        at = message.end;
      }
    },
  };
}

interface CheckedMessage {
  readonly isSchema: boolean;
  readonly message: Message;
  /** The byte after the message. */
  readonly end: number;
  read(before?: Uint8Array): Promise<Uint8Array>;
}

/** The message at a byte; undefined for the mark that ends a stream. */
async function messageAt(
  input: Input,
  at: number,
  place: string,
): Promise<CheckedMessage | undefined> {
  try {
    return await checkedMessage(input, at);
  } catch (cause) {
    const reason = cause instanceof DataError
      ? cause.message
      : "expected Arrow metadata, found damaged data";
    throw new DataError(`${place}: ${reason}`, { cause });
  }
}

async function checkedMessage(input: Input, at: number): Promise<CheckedMessage | undefined> {
  const prefix = await input.read(at, Math.min(8, input.size - at));
  if (prefix.length < 4) throw new DataError("expected a message, found the end of the file");
  const view = new DataView(prefix.buffer);
  // Before Arrow 0.15 the length came alone.
  const isMarked = view.getUint32(0, true) === 0xffffffff;
  if (isMarked && prefix.length < 8) {
    throw new DataError("expected a message, found the end of the file");
  }
  const length = view.getInt32(isMarked ? 4 : 0, true);
  if (length === 0) return undefined;
  const start = at + (isMarked ? 8 : 4);
  if (length < 0 || length > maxMetadataBytes || start + length > input.size) {
    throw new DataError(`expected metadata inside the file, found ${length} bytes of it`);
  }
  const metadata = await input.read(start, length);
  checkMessage(MetadataTable.root(metadata));
  const message = Message.decode(metadata);
  const { bodyLength } = message;
  if (bodyLength < 0 || start + length + bodyLength > input.size) {
    throw new DataError(
      `expected a body of ${bodyLength} bytes, found ${input.size - start - length}`,
    );
  }
  if (bodyLength > maxBodyBytes) {
    const [most, found] = [maxBodyBytes, bodyLength].map(formatBytes);
    throw new DataError(`expected a batch of at most ${most}, found ${found}`);
  }
  return {
    isSchema: message.isSchema(),
    message,
    end: start + length + bodyLength,
    async read(before = new Uint8Array()) {
      const whole = new Uint8Array(before.length + 8 + length + bodyLength);
      whole.set(before);
      const head = new DataView(whole.buffer, before.length);
      head.setUint32(0, 0xffffffff, true);
      head.setInt32(4, length, true);
      whole.set(metadata, before.length + 8);
      whole.set(await input.read(start + length, bodyLength), before.length + 8 + length);
      return whole;
    },
  };
}

function checkMessage(table: MetadataTable): void {
  const version = table.uint8(0);
  checkVersion(version);
  table.list(4, 4);
  const header = table.table(2);
  if (header === undefined) throw new DataError("expected a message with a header, found none");
  const kind: MessageHeader = table.uint8(1);
  if (kind === MessageHeader.Schema) checkSchema(header, version);
  else if (kind === MessageHeader.RecordBatch) checkBatch(header);
  else if (kind === MessageHeader.DictionaryBatch) checkBatch(header.table(1));
  else throw new DataError(`expected a batch, found a message of kind ${kind}`);
}

/** Checks that a batch has what its columns need: the library fills up what is missing. */
function batchOf(
  { message, read }: CheckedMessage,
  schema: Schema,
  prefix: Uint8Array,
  place: string,
): ArrowBatch {
  const fail = (problem: string): never => {
    throw new DataError(`${place}: ${problem}`);
  };
  const { header, rows, types } = columnsOf(message, schema, fail);
  for (const { offset, length } of header.buffers) {
    if (offset >= 0 && length >= 0 && offset + length <= message.bodyLength) continue;
    fail(
      `expected buffers inside ${message.bodyLength} bytes, found ${length} bytes at ${offset}`,
    );
  }
  for (const { length } of header.nodes) {
    if (length >= 0 && length <= maxColumnValues) continue;
    fail(`expected a column of at most ${maxColumnValues} values, found ${length}`);
  }
  let node = 0;
  for (const [name, type] of types) {
    const found = header.nodes[node]?.length;
    node += nodesOf(type);
    if (node > header.nodes.length) fail("expected a node for each column, found fewer");
    if (found !== header.length) {
      fail(`column "${name}": expected ${header.length} rows, found ${found}`);
    }
  }
  return { rows, place, read: () => read(prefix) };
}

/** The counts of a batch, and the columns that it has. */
function columnsOf(message: Message, schema: Schema, fail: (problem: string) => never) {
  if (message.isRecordBatch()) {
    const header = message.header();
    const types = schema.fields.map(({ name, type }): [string, DataType] => [name, type]);
    return { header, rows: header.length, types };
  }
  if (!message.isDictionaryBatch()) return fail("expected a batch, found another message");
  const { id, data } = message.header();
  const type: DataType | undefined = schema.dictionaries.get(id);
  if (type === undefined) return fail(`expected a column with dictionary ${id}, found none`);
  return { header: data, types: [[`dictionary ${id}`, type] as [string, DataType]] };
}

/** How many nodes a column takes: its own, and those of the columns in it. */
function nodesOf(type: DataType): number {
  if (DataType.isDictionary(type)) return 1;
  return (type.children ?? []).reduce((sum, child) => sum + nodesOf(child.type), 1);
}
