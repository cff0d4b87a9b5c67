/**
 * Readers of every format go on from any position they give, and count what they read.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import {
  type Document,
  type DocumentReader,
  openLocal,
  readerDefaults,
  readerModule,
  type ReaderOptions,
  type ReadPosition,
  writeDocuments,
} from "../../datasets/mod.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const texts = Array.from(
  { length: 30 },
  (_, i) => `text ${i} “é漢😀” "q"\n${"x".repeat(i % 7 === 0 ? 150_000 : 5)}`,
);
const records = texts.map((text, i) => ({ id: i, text, meta: { set: i % 2 === 0 ? "A" : "B" } }));
const lines = `\ufeff${records.map((record) => JSON.stringify(record)).join("\r\n")}\n\n`;
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
const long = Buffer.from(lines.repeat(1));
const halves = [long.subarray(0, 99_999), long.subarray(99_999)];

/** File contents by name; all hold the same texts in the same order, unless they cannot. */
const files: Record<string, Uint8Array | string> = {
  "a.jsonl": lines,
  "a.jsonl.gz": Buffer.concat(halves.map((half) => gzipSync(half))),
  "a.jsonl.zst": Buffer.concat(halves.map((half) => zstdCompressSync(half))),
  "array.json": ` \n${JSON.stringify(records, null, 2)}\n`,
  "array.json.zst": zstdCompressSync(JSON.stringify(records)),
  "values.json": records.map((record) => JSON.stringify(record, null, 1)).join("\n \n"),
  "adjacent.json": records.map((record) => JSON.stringify(record)).join(""),
  "a.csv": `id,text,meta.set\r\n${
    records.map(({ id, text, meta }) => `${id},${quoted(text)},${meta.set}`).join("\r\n")
  }`,
  "a.csv.gz": gzipSync(
    `text,meta.set\n${records.map(({ text, meta }) => `${quoted(text)},${meta.set}`).join("\n")}\n`,
  ),
  "a.parquet": new Uint8Array(parquetWriteBuffer({
    columnData: [
      { name: "text", data: texts, type: "STRING" },
      { name: "meta.set", data: records.map(({ meta }) => meta.set), type: "STRING" },
    ],
    rowGroupSize: 11,
    pageSize: 1000,
  })),
};

for (const [name, content] of Object.entries(files)) {
  const path = join(folder, name);
  Deno.writeFileSync(
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
  Deno.test(`reader of ${name} goes on from every position to the same documents`, async () => {
    const { reader } = await import(readerModule(path)) as { reader: DocumentReader };
    const { documents, positions, progress } = await readAll(reader, path);
    deepStrictEqual(documents.map(({ text }) => text), texts);
    deepStrictEqual(
      documents.map(({ metadata }) => metadata!["meta.set"]),
      records.map(({ meta }) => meta.set),
    );
    strictEqual(new Set(documents.map(({ id }) => id)).size, texts.length);
    strictEqual(progress.documents, texts.length);
    strictEqual(progress.bytesTotal, Deno.statSync(path).size);
    ok(
      progress.bytesRead > 0.5 * progress.bytesTotal,
      `${progress.bytesRead} of ${progress.bytesTotal}`,
    );
    for (let taken = 0; taken < positions.length; taken++) {
      // Positions are kept in checkpoints, so they go through JSON.
      const from = JSON.parse(JSON.stringify(positions[taken])) as ReadPosition;
      const rest = await readAll(reader, path, { from });
      deepStrictEqual(rest.documents, documents.slice(taken + 1), `from ${JSON.stringify(from)}`);
    }
  });
}

Deno.test("readers of tsv, plain text and Arrow go on from every position", async () => {
  const write = (name: string, text: string) => {
    const path = join(folder, name);
    Deno.writeTextFileSync(path, text);
    return path;
  };
  await writeDocuments(folder, texts.map((text, i) => ({ text, id: `a:${i}` })));
  const cases: [path: string, more: Partial<ReaderOptions>, count: number][] = [
    [write("a.tsv", 'sentence\tlabel\na "b \t1\nc\t0\n\nd\t1\n'), { textField: "sentence" }, 3],
    [write("a.txt", "one\ntwo\n\n\nthree\r\n\r\nfour"), {}, 3],
    [write("b.txt", "one\ntwo\n\n\nthree\r\n\r\nfour"), { textDocuments: "line" }, 4],
    [join(folder, "documents.arrow"), {}, texts.length],
  ];
  for (const [path, more, count] of cases) {
    const { reader } = await import(readerModule(path)) as { reader: DocumentReader };
    const options = { ...more, metadataFields: undefined };
    const { documents, positions } = await readAll(reader, path, options);
    strictEqual(documents.length, count, path);
    for (let taken = 0; taken < count; taken++) {
      const rest = await readAll(reader, path, { ...options, from: positions[taken] });
      deepStrictEqual(rest.documents, documents.slice(taken + 1), path);
    }
  }
});

Deno.test("readers read an input that was opened elsewhere, and leave it open", async () => {
  const path = join(folder, "a.parquet");
  await using input = await openLocal(path);
  const { reader } = await import(readerModule(path)) as { reader: DocumentReader };
  for (let times = 0; times < 2; times++) {
    const read = await Array.fromAsync(reader.read(input, { ...readerDefaults }));
    deepStrictEqual(read.map(({ text }) => text), texts);
  }
  strictEqual((await input.read(0, 4)).length, 4);
});

async function readAll(reader: DocumentReader, path: string, more: Partial<ReaderOptions> = {}) {
  const stream = reader.read(path, { ...readerDefaults, metadataFields: ["meta.set"], ...more });
  const documents: Document[] = [];
  const positions: ReadPosition[] = [];
  for await (const document of stream) {
    documents.push(document);
    positions.push(stream.position);
  }
  return { documents, positions, progress: stream.progress };
}
