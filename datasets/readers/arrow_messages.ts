/**
 * Arrow IPC files and streams as a sequence of messages: a schema, dictionaries, record batches.
 *
 * Source: Arrow columnar format 1.5, "Serialization and Interprocess Communication"; Message.fbs, File.fbs.
 */
import { formatBytes } from "../../base/mod.ts";
import type { Input } from "../input.ts";
import { type ArrowSchema, schemaOf } from "./arrow_schema.ts";
import { DataError } from "./data_error.ts";
import { count, FlatTable } from "./flatbuffer.ts";

const magic = "ARROW1";
/** Versions before this one (V4, Arrow 0.8 of 2017) have other layouts. */
const oldestVersion = 3;
const maxMetadataBytes = 64 * 1024 * 1024;
/** A record batch is read whole; writers make batches of some MB. */
export const maxBodyBytes = 1024 * 1024 * 1024;

export interface BatchHeader {
  readonly rows: number;
  readonly nodes: readonly { readonly length: number; readonly nulls: number }[];
  readonly buffers: readonly { readonly offset: number; readonly length: number }[];
  readonly codec: "none" | "lz4" | "zstd";
  readonly variadicCounts: readonly number[];
  /** Before version V5 unions had a validity buffer. */
  readonly hasUnionValidity: boolean;
}

export interface BatchMessage {
  readonly batch: BatchHeader;
  /** Of a batch of a dictionary. */
  readonly dictionary?: { readonly id: number; readonly isDelta: boolean };
  readonly place: string;
  body(): Promise<Uint8Array<ArrayBuffer>>;
}

export interface ArrowMessages {
  readonly schema: ArrowSchema;
  /** Record batches in the file, where a footer says it. */
  readonly batchCount?: number;
  messages(): AsyncIterable<BatchMessage>;
}

/** Reads the schema, and of a file the footer. @throws DataError */
export async function openArrow(input: Input): Promise<ArrowMessages> {
  const start = await input.read(0, Math.min(8, input.size));
  const text = new TextDecoder("latin1").decode(start);
  if (text.startsWith("FEA1")) {
    throw new DataError("expected Arrow IPC, found a Feather V1 file; write it as Feather V2");
  }
  return text.startsWith(magic) ? await openFile(input) : await openStream(input);
}

async function openFile(input: Input): Promise<ArrowMessages> {
  const tailBytes = 4 + magic.length;
  if (input.size < 8 + tailBytes) {
    throw new DataError(`expected an Arrow file, found ${input.size} bytes`);
  }
  const tail = await input.read(input.size - tailBytes, tailBytes);
  if (new TextDecoder("latin1").decode(tail.subarray(4)) !== magic) {
    throw new DataError(`expected "${magic}" at the end, found other bytes: the file is cut short`);
  }
  const length = new DataView(tail.buffer).getInt32(0, true);
  if (length <= 0 || length > input.size - 8 - tailBytes || length > maxMetadataBytes) {
    throw new DataError(`expected a footer inside the file, found one of ${length} bytes`);
  }
  const bytes = await input.read(input.size - tailBytes - length, length);
  const footer = FlatTable.root(bytes);
  checkVersion(footer.int16(0));
  const table = footer.table(1);
  if (table === undefined) throw new DataError("footer: expected a schema, found none");
  const schema = schemaOf(table);
  const blocks = (slot: number) =>
    footer.structs(slot, 24, (view, at) => ({
      offset: count(view.getBigInt64(at, true)),
      metadataBytes: view.getInt32(at + 8, true),
      bodyBytes: count(view.getBigInt64(at + 16, true)),
    }));
  const [dictionaries, batches] = [blocks(2), blocks(3)];
  return {
    schema,
    batchCount: batches.length,
    async *messages() {
      for (
        const [kind, list] of [["dictionary batch", dictionaries], [
          "record batch",
          batches,
        ]] as const
      ) {
        for (let i = 0; i < list.length; i++) {
          const { offset, metadataBytes, bodyBytes } = list[i];
          const place = `${kind} ${i}`;
          if (
            !(offset >= 8 && metadataBytes > 0 && offset + metadataBytes + bodyBytes <= input.size)
          ) {
            throw new DataError(
              `${place}: expected it inside the file, found ${bodyBytes} bytes at ${offset}`,
            );
          }
          const message = await messageAt(input, offset, place);
          if (message === undefined || message.schema !== undefined) {
            throw new DataError(`${place}: expected a batch, found another message`);
          }
          if ((message.batch.dictionary !== undefined) !== (kind === "dictionary batch")) {
            throw new DataError(`${place}: expected it there, found a batch of the other kind`);
          }
          yield message.batch;
        }
      }
    },
  };
}

async function openStream(input: Input): Promise<ArrowMessages> {
  const first = await messageAt(input, 0, "schema");
  if (first?.schema === undefined) {
    throw new DataError("expected an Arrow schema at the start, found none");
  }
  const { schema, end } = first;
  return {
    schema,
    async *messages() {
      let batches = 0;
      for (let at = end; at < input.size;) {
        const message = await messageAt(
          input,
          at,
          `message at byte ${at} (record batch ${batches})`,
        );
        if (message === undefined) return;
        if (message.schema !== undefined) {
          throw new DataError(`byte ${at}: expected a batch, found a second schema`);
        }
        if (message.batch.dictionary === undefined) batches++;
        yield message.batch;
        at = message.end;
      }
    },
  };
}

type Message =
  | { readonly schema: ArrowSchema; readonly end: number }
  | { readonly schema?: undefined; readonly batch: BatchMessage; readonly end: number };

/** The message at a byte; undefined for the mark that ends a stream. */
async function messageAt(input: Input, at: number, place: string): Promise<Message | undefined> {
  try {
    return await parseMessage(input, at, place);
  } catch (cause) {
    if (cause instanceof DataError && cause.message.startsWith(place)) throw cause;
    const reason = cause instanceof DataError
      ? cause.message
      : `expected Arrow metadata, found damaged data`;
    throw new DataError(`${place}: ${reason}`, { cause });
  }
}

async function parseMessage(input: Input, at: number, place: string): Promise<Message | undefined> {
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
  const metadataStart = at + (isMarked ? 8 : 4);
  if (length < 0 || length > maxMetadataBytes || metadataStart + length > input.size) {
    throw new DataError(`expected metadata inside the file, found ${length} bytes of it`);
  }
  const table = FlatTable.root(await input.read(metadataStart, length));
  const version = table.int16(0);
  checkVersion(version);
  const bodyStart = metadataStart + length;
  const bodyBytes = table.int64(3);
  if (bodyBytes < 0 || bodyStart + bodyBytes > input.size) {
    throw new DataError(`expected a body of ${bodyBytes} bytes, found ${input.size - bodyStart}`);
  }
  if (bodyBytes > maxBodyBytes) {
    throw new DataError(
      `expected a batch of at most ${formatBytes(maxBodyBytes)}, found ${formatBytes(bodyBytes)}`,
    );
  }
  const end = bodyStart + bodyBytes;
  const header = table.table(2);
  const kind = table.uint8(1);
  if (header === undefined) throw new DataError("expected a message with a header, found none");
  if (kind === 1) return { schema: schemaOf(header), end };
  if (kind !== 2 && kind !== 3) {
    throw new DataError(`expected a batch, found a message of kind ${kind}`);
  }
  const records = kind === 3 ? header : header.table(1);
  if (records === undefined) throw new DataError("expected a dictionary with values, found none");
  const dictionary = kind === 2 ? { id: header.int64(0), isDelta: header.bool(2) } : undefined;
  const batch = batchOf(records, bodyBytes, version);
  return { batch: { batch, dictionary, place, body: () => input.read(bodyStart, bodyBytes) }, end };
}

function batchOf(table: FlatTable, bodyBytes: number, version: number): BatchHeader {
  const nodes = table.structs(1, 16, (view, at) => ({
    length: count(view.getBigInt64(at, true)),
    nulls: count(view.getBigInt64(at + 8, true)),
  }));
  const buffers = table.structs(2, 16, (view, at) => ({
    offset: count(view.getBigInt64(at, true)),
    length: count(view.getBigInt64(at + 8, true)),
  }));
  for (const { offset, length } of buffers) {
    if (!(offset >= 0 && length >= 0 && offset + length <= bodyBytes)) {
      throw new DataError(
        `expected buffers inside ${bodyBytes} bytes, found ${length} bytes at ${offset}`,
      );
    }
  }
  const compression = table.table(3);
  const codec = compression === undefined ? undefined : compression.uint8(0);
  if (codec !== undefined && codec > 1) {
    throw new DataError(`expected LZ4 or zstd, found codec ${codec}`);
  }
  return {
    rows: table.int64(0),
    nodes,
    buffers,
    codec: codec === undefined ? "none" : codec === 0 ? "lz4" : "zstd",
    variadicCounts: table.int64s(4),
    hasUnionValidity: version <= oldestVersion,
  };
}

function checkVersion(version: number): void {
  if (version >= oldestVersion && version <= 4) return;
  throw new DataError(`expected metadata of version V4 or V5, found V${version + 1}`);
}
