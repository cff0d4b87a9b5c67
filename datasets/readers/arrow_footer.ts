/**
 * The footer of an Arrow file: its schema, and where its batches lie.
 */
import { Message, RecordBatchReader, type Schema } from "apache-arrow";
import { checkSchema, checkVersion, MetadataTable, oldestVersion } from "./arrow_metadata.ts";
import { DataError } from "./data_error.ts";

export const arrowMagic = "ARROW1";
/** The magic string padded to 8 bytes: what a file opens with. */
export const arrowHeadBytes = 8;
/** Length of the footer (int32) and magic string: what a file ends with. */
export const arrowTailBytes = 4 + arrowMagic.length;
/** Metadata of files with thousands of columns have some MB. */
export const maxMetadataBytes = 64 * 1024 * 1024;

/** Where a message lies in a file. */
export interface ArrowBlock {
  readonly offset: number;
  readonly metadataBytes: number;
  readonly bodyBytes: number;
}

export interface ArrowFooter {
  readonly schema: Schema;
  readonly dictionaries: readonly ArrowBlock[];
  readonly batches: readonly ArrowBlock[];
}

/** How many bytes before the tail are the footer. @param tail the last bytes of a file. @throws DataError */
export function footerBytes(tail: Uint8Array, fileBytes: number): number {
  if (new TextDecoder("latin1").decode(tail.subarray(4)) !== arrowMagic) {
    throw new DataError(
      `expected "${arrowMagic}" at the end, found other bytes: the file is cut short`,
    );
  }
  const length = new DataView(tail.buffer, tail.byteOffset).getInt32(0, true);
  if (length <= 0 || length > fileBytes - arrowHeadBytes - arrowTailBytes) {
    throw new DataError(`expected a footer inside the file, found one of ${length} bytes`);
  }
  if (length > maxMetadataBytes) {
    throw new DataError(
      `expected a footer of at most ${maxMetadataBytes} bytes, found ${length}`,
    );
  }
  return length;
}

/** @throws DataError for a footer that is damaged, or of a file that cannot be read */
export function parseFooter(footer: Uint8Array, fileBytes: number): ArrowFooter {
  const table = MetadataTable.root(footer);
  // Where a footer leaves its version out, each message says its own. A union is then taken for an old one.
  const version = table.uint8(0) || oldestVersion;
  checkVersion(version);
  const schema = table.table(1);
  if (schema === undefined) throw new DataError("footer: expected a schema, found none");
  checkSchema(schema, version);
  table.list(4, 4);
  const dictionaries = blocks(table, 2, fileBytes, "dictionary batches");
  const batches = blocks(table, 3, fileBytes, "record batches");
  return { schema: decodedSchema(footer), dictionaries, batches };
}

/** A schema as the message that a stream of batches begins with. */
export function schemaMessage(schema: Schema): Uint8Array<ArrayBuffer> {
  const metadata = Message.encode(Message.from(schema));
  const message = new Uint8Array(8 + Math.ceil(metadata.length / 8) * 8);
  const view = new DataView(message.buffer);
  view.setUint32(0, 0xffffffff, true);
  view.setInt32(4, message.length - 8, true);
  message.set(metadata, 8);
  return message;
}

function blocks(
  table: MetadataTable,
  slot: number,
  fileBytes: number,
  kind: string,
): ArrowBlock[] {
  const { view } = table;
  const { at, length } = table.list(slot, 24);
  return Array.from({ length }, (_, i) => {
    const start = at + 24 * i;
    const offset = Number(view.getBigInt64(start, true));
    const metadataBytes = view.getInt32(start + 8, true);
    const bodyBytes = Number(view.getBigInt64(start + 16, true));
    const isWithin = offset >= arrowHeadBytes && metadataBytes > 0 && bodyBytes >= 0 &&
      offset + metadataBytes + bodyBytes <= fileBytes;
    if (isWithin) return { offset, metadataBytes, bodyBytes };
    throw new DataError(`expected ${kind} inside the file, found one that ends after it`);
  });
}

/** The schema by `apache-arrow`, from a file that has the footer alone: it would read the dictionaries at once. */
function decodedSchema(footer: Uint8Array): Schema {
  const magic = new TextEncoder().encode(arrowMagic);
  const bytes = new Uint8Array(arrowHeadBytes + footer.length + arrowTailBytes);
  bytes.set(magic);
  bytes.set(footer, arrowHeadBytes);
  bytes.set(magic, bytes.length - magic.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(arrowHeadBytes + footer.length, footer.length, true);
  const copy = MetadataTable.root(bytes.subarray(arrowHeadBytes, arrowHeadBytes + footer.length));
  const { at, length } = copy.list(2, 24);
  if (length > 0) copy.view.setUint32(at - 4, 0, true);
  return RecordBatchReader.from(bytes).open().schema;
}
