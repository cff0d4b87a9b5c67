import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import fc from "fast-check";
import {
  type Document,
  readDocuments,
  readDocumentsReport,
  readDocumentTexts,
  SkipLog,
  writeDocuments,
} from "../../datasets/mod.ts";
import { StageError } from "../../base/mod.ts";

function temporary(): { folder: string } & Disposable {
  const folder = Deno.makeTempDirSync();
  return { folder, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

/** The texts of each batch, from a batch on. */
async function textsOf(folder: string, from?: number): Promise<string[][]> {
  const batches = await Array.fromAsync(readDocumentTexts(folder, from));
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return batches.map(({ pool, starts }) =>
    Array.from(starts.subarray(1), (end, i) => decoder.decode(pool.subarray(starts[i], end)))
  );
}

const named = (texts: readonly string[]): Document[] =>
  texts.map((text, i) => ({ text, id: `made:${i}` }));

Deno.test("documents give back any texts (property)", async () => {
  const text = fc.string({ unit: "grapheme" });
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1 }), async (texts) => {
      using place = temporary();
      const documents = named(texts);
      const report = await writeDocuments(place.folder, documents);
      deepStrictEqual(await Array.fromAsync(readDocuments(place.folder)), documents);
      deepStrictEqual((await textsOf(place.folder)).flat(), texts);
      const bytes = texts.map((text) => new TextEncoder().encode(text).length);
      strictEqual(report.bytes, bytes.reduce((sum, size) => sum + size, 0));
      strictEqual(report.characters, texts.reduce((sum, text) => sum + [...text].length, 0));
      strictEqual(report.shortestBytes, Math.min(...bytes));
      strictEqual(report.longestBytes, Math.max(...bytes));
    }),
    { numRuns: 40, seed: 3 },
  );
});

Deno.test("documents are written in batches bounded by rows and by bytes", async () => {
  using place = temporary();
  const short = Array.from({ length: 1_030 }, (_, i) => `${i}`);
  const long = Array.from({ length: 5 }, (_, i) => `${i}`.repeat(1_500_000));
  const documents = named([...short, ...long]);
  await writeDocuments(place.folder, documents);
  const table = tableFromIPC(Deno.readFileSync(join(place.folder, "documents.arrow")));
  // 1,024 short ones; 6 short and 3 long ones pass 4 MiB; 2 long ones are left.
  deepStrictEqual(table.batches.map((batch) => batch.numRows), [1_024, 9, 2]);
  deepStrictEqual(table.schema.fields.map(String), ["text: Utf8", "id: Utf8"]);
  deepStrictEqual(await Array.fromAsync(readDocuments(place.folder)), documents);
  const texts = documents.map(({ text }) => text);
  deepStrictEqual(await textsOf(place.folder), [
    texts.slice(0, 1_024),
    texts.slice(1_024, 1_033),
    texts.slice(1_033),
  ]);
  deepStrictEqual(await textsOf(place.folder, 2), [texts.slice(1_033)]);
});

Deno.test("documents are written whole where they are longer than a batch", async () => {
  using place = temporary();
  const texts = ["a", "é".repeat(2_500_000), "𝄞".repeat(600_000), "", "z"];
  const { characters, longestBytes } = await writeDocuments(place.folder, named(texts));
  deepStrictEqual(await textsOf(place.folder), [texts.slice(0, 2), texts.slice(2)]);
  strictEqual(characters, 1 + 2_500_000 + 600_000 + 1);
  strictEqual(longestBytes, 5_000_000);
});

Deno.test("writeDocuments() reports what was dropped, the first places by name", async () => {
  using place = temporary();
  const skips = new SkipLog();
  function* source() {
    yield { text: "ab", id: "x:1" };
    for (let i = 2; i < 32; i++) skips.add(`"x", line ${i}: bad`);
    yield { text: "ç𝄞", id: "x:32" };
  }
  await writeDocuments(place.folder, source(), { skips, entropyBitsPerByte: 1.5 });
  deepStrictEqual(readDocumentsReport(place.folder), {
    format: 1,
    documents: 2,
    bytes: 8, // 2 + (2 + 4)
    characters: 4,
    shortestBytes: 2,
    longestBytes: 6,
    skipped: {
      rows: 30,
      first: Array.from({ length: 20 }, (_, i) => `"x", line ${i + 2}: bad`),
    },
    entropyBitsPerByte: 1.5,
  });
});

Deno.test("writeDocuments() takes the first documents only and closes its source", async () => {
  using place = temporary();
  let asked = 0;
  let closed = false;
  function* endless() {
    try {
      for (;;) yield { text: `${asked}`, id: `${asked++}` };
    } finally {
      closed = true;
    }
  }
  const { documents } = await writeDocuments(place.folder, endless(), { maxDocuments: 3 });
  deepStrictEqual([documents, asked, closed], [3, 3, true]);
});

Deno.test("writeDocuments() refuses no documents and text that is no Unicode", async () => {
  using place = temporary();
  await rejects(writeDocuments(place.folder, []), /expected at least one document, found none/);
  await rejects(
    writeDocuments(place.folder, [{ text: "a\udc00", id: "x:7" }]),
    (error: Error) => error instanceof StageError && /"x:7".*lone surrogate/.test(error.message),
  );
});

Deno.test("readDocumentTexts() refuses bytes that are no UTF-8, and a character across two texts", async () => {
  // "one" and "twé" and "three": a byte that is none; é one byte further, where "three" starts.
  for (const [place, ...damage] of [[1, 0xff], [5, 0x77, 0xc3, 0xa9]]) {
    using made = temporary();
    await writeDocuments(made.folder, named(["one", "twé", "three"]));
    const path = join(made.folder, "documents.arrow");
    const bytes = Deno.readFileSync(path);
    bytes.set(damage, new TextDecoder("latin1").decode(bytes).indexOf("onetw") + place);
    Deno.writeFileSync(path, bytes);
    await rejects(
      Array.fromAsync(readDocumentTexts(made.folder)),
      /"documents\.arrow", record batch 0: expected UTF-8, found other bytes/,
    );
  }
});

Deno.test("readDocuments() refuses a damaged file", async () => {
  const refuses = async (damage: (path: string) => void, message: RegExp) => {
    using place = temporary();
    await writeDocuments(place.folder, named(["one", "two"]));
    const path = join(place.folder, "documents.arrow");
    damage(path);
    await rejects(Array.fromAsync(readDocuments(place.folder)), (error: Error) => {
      ok(error instanceof StageError && message.test(error.message), String(error));
      return true;
    });
  };
  await refuses((path) => Deno.removeSync(path), /"documents\.arrow": .*found nothing there/);
  await refuses((path) => Deno.truncateSync(path, 100), /expected "ARROW1" at the end/);
  await refuses(
    (path) => Deno.writeTextFileSync(path, ""),
    /expected an Arrow file, found 0 bytes/,
  );
  await refuses((path) => {
    const bytes = Deno.readFileSync(path);
    Deno.writeFileSync(path, bytes.fill(0xff, 8, 64));
  }, /"documents\.arrow", record batch 0: expected Arrow IPC, found damaged bytes/);
  await refuses((path) => {
    const report = join(path, "..", "report.json");
    Deno.writeTextFileSync(report, Deno.readTextFileSync(report).replace('ts": 2', 'ts": 3'));
  }, /"documents\.arrow": expected 3 documents, found 2/);
});
