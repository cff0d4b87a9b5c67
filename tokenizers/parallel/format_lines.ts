/**
 * Encoded texts as lines of text or as Arrow.
 */
import type { RecordBatch, Table } from "apache-arrow";
import type { EncodedLines } from "../detailed_tokenizer.ts";

export const lineFormats = ["ids", "pieces", "json"] as const;

/** A text a line: ids or pieces with spaces between, or `{"ids":[…],"pieces":[…]}`. */
export type LineFormat = typeof lineFormats[number];

/** @param piece a piece by its id */
export function formatLines(
  lines: EncodedLines,
  format: LineFormat,
  piece: (id: number) => string,
): Uint8Array<ArrayBuffer> {
  if (format === "ids") return formatIds(lines);
  const { ids, ends } = lines;
  const known = new Map<number, string>();
  const written = (id: number) => {
    let text = known.get(id);
    if (text === undefined) known.set(id, text = piece(id));
    return text;
  };
  const texts: string[] = [];
  for (let i = 0, from = 0; i < ends.length; from = ends[i++]) {
    const some = Array.from(ids.subarray(from, ends[i]));
    const pieces = some.map(written);
    texts.push(format === "pieces" ? pieces.join(" ") : JSON.stringify({ ids: some, pieces }));
  }
  return new TextEncoder().encode(texts.map((text) => text + "\n").join(""));
}

function formatIds({ ids, ends }: EncodedLines): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(ids.length * 11 + ends.length);
  let length = 0;
  let at = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i];
    for (; at < end; at++) {
      const id = ids[at];
      let size = 1;
      for (let limit = 10; id >= limit; limit *= 10) size++;
      for (let left = id, k = length + size; k > length; left = (left / 10) | 0) {
        out[--k] = 0x30 + left % 10;
      }
      length += size;
      out[length++] = 0x20;
    }
    if (length > 0 && out[length - 1] === 0x20) length--;
    out[length++] = 0x0a;
  }
  return out.slice(0, length);
}

/** Encoded texts as an Arrow table with one column, `ids`: a list of 32-bit numbers for each text. Nothing is copied. */
export async function arrowTable(lines: EncodedLines): Promise<Table> {
  const { Table } = await import("apache-arrow");
  return new Table([(await batchMaker())(lines)]);
}

/** An Arrow stream of encoded texts, a record batch for each. The chunks, joined, are the stream. */
export async function* arrowStream(
  batches: AsyncIterable<EncodedLines>,
): AsyncGenerator<Uint8Array> {
  const { AsyncByteQueue, RecordBatchStreamWriter } = await import("apache-arrow");
  let written: Uint8Array[] = [];
  // Where arrow-js puts its bytes: its own queue is drained by nobody before the end.
  class Sink extends AsyncByteQueue<Uint8Array> {
    override write(value: ArrayBufferLike | ArrayBufferView): void {
      const bytes = ArrayBuffer.isView(value)
        ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
        : new Uint8Array(value);
      written.push(bytes.slice());
    }
  }
  const make = await batchMaker();
  const writer = new RecordBatchStreamWriter();
  writer.reset(new Sink(), make({ ids: new Int32Array(0), ends: new Int32Array(0) }).schema);
  for await (const lines of batches) {
    if (lines.ends.length > 0) writer.write(make(lines));
    yield* written;
    written = [];
  }
  writer.finish();
  yield* written;
}

/** Makes record batches of one schema. */
async function batchMaker(): Promise<(lines: EncodedLines) => RecordBatch> {
  const { Field, Int32, List, makeData, RecordBatch, Schema, Struct } = await import(
    "apache-arrow"
  );
  const type = new List(new Field("item", new Int32(), false));
  const schema = new Schema([new Field("ids", type, false)]);
  return ({ ids, ends }) => {
    const valueOffsets = new Int32Array(ends.length + 1);
    valueOffsets.set(ends, 1);
    const child = makeData({ type: new Int32(), length: ids.length, nullCount: 0, data: ids });
    const column = makeData({ type, length: ends.length, nullCount: 0, valueOffsets, child });
    const { length } = ends;
    return new RecordBatch(
      schema,
      makeData({ type: new Struct(schema.fields), length, nullCount: 0, children: [column] }),
    );
  };
}
