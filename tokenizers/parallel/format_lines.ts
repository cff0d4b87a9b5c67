/**
 * Encoded texts as lines of text or as Arrow.
 */
import type { RecordBatch } from "apache-arrow";
import type { EncodedLines } from "../opened_tokenizer.ts";
import { onOneLine } from "../unigram/pieces.ts";

export const lineFormats = ["ids", "pieces", "json"] as const;

/** A text a line: ids or pieces with spaces between, control characters in pieces as escapes; or `{"ids":[…],"pieces":[…]}`. */
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
    if (text === undefined) {
      text = format === "pieces" ? onOneLine(piece(id)) : piece(id);
      known.set(id, text);
    }
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
  let most = 0;
  for (let i = 0; i < ids.length; i++) if (ids[i] > most) most = ids[i];
  const numbers = writtenNumbers(Math.min(most + 1, mostWritten));
  const out = new Uint8Array(ids.length * (String(most).length + 1) + ends.length + 8);
  const view = new DataView(out.buffer);
  let length = 0;
  let at = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i];
    const start = length;
    for (; at < end; at++) {
      const id = ids[at];
      if (id < mostWritten) {
        // Digits and a space in one step: bytes in excess are overwritten.
        view.setUint32(length, numbers.first[id], true);
        view.setUint32(length + 4, numbers.second[id], true);
        length += numbers.sizes[id];
        continue;
      }
      for (const digit of String(id)) out[length++] = digit.charCodeAt(0);
      out[length++] = 0x20;
    }
    if (length > start) length--;
    out[length++] = 0x0a;
  }
  return out.subarray(0, length);
}

/** Numbers below this are looked up. */
const mostWritten = 1_000_000;

/** The numbers from 0 on in decimal digits with a space after them, in 8 bytes, and how many of these count. */
function writtenNumbers(count: number) {
  const first = new Uint32Array(count);
  const second = new Uint32Array(count);
  const sizes = new Uint8Array(count);
  const bytes = new Uint8Array(8);
  const words = new DataView(bytes.buffer);
  for (let number = 0; number < count; number++) {
    let size = 1;
    for (let limit = 10; number >= limit; limit *= 10) size++;
    for (let left = number, k = size; k > 0; left = (left / 10) | 0) bytes[--k] = 0x30 + left % 10;
    bytes[size] = 0x20;
    first[number] = words.getUint32(0, true);
    second[number] = words.getUint32(4, true);
    sizes[number] = size + 1;
  }
  return { first, second, sizes };
}

/**
 * An Arrow stream of encoded texts with one column, `ids`: a list of 32-bit numbers for each text. Each item of `batches` gives a
 * record batch. The chunks, joined, are the stream.
 */
export async function* arrowStream(
  batches: AsyncIterable<EncodedLines>,
): AsyncGenerator<Uint8Array> {
  const { AsyncByteQueue, RecordBatchStreamWriter } = await import("apache-arrow");
  let written: Uint8Array[] = [];
  // arrow-js writes its bytes here: its own queue would keep all of them to the end.
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
