import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { DocumentFilter } from "../../datasets/document_filter.ts";
import { DocumentsWriter, SkipLog, writeDocuments } from "../../datasets/documents.ts";
import { kind } from "../../stages/report/data.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

async function written(texts: readonly string[]): Promise<string> {
  const to = Deno.makeTempDirSync({ dir: folder });
  await writeDocuments(to, texts.map((text, i) => ({ text, id: `a.jsonl:${i + 1}` })));
  return to;
}

Deno.test("table/data says how much text there is, in which scripts, and what is wrong with it", async () => {
  const many = Array.from({ length: 60 }, (_, i) => `validation ${i}`);
  const filtered = Deno.makeTempDirSync({ dir: folder });
  {
    const off = { clean: [], duplicates: { exact: true, near: null }, split: null };
    const length = { minCharacters: 2, maxCharacters: null };
    using filter = new DocumentFilter({ ...off, length }, [1, 2, 3, 4], filtered);
    using writer = new DocumentsWriter(filtered);
    ["да", "да", "x", "нет"].forEach((text, i) => {
      const document = filter.apply({ text, id: `b.jsonl:${i + 1}` });
      if (document !== undefined) writer.add(document);
    });
    const skips = new SkipLog({ rows: 1, first: ['"b.jsonl", line 9: expected JSON'] });
    writer.finish({ filter: filter.report(), skips });
  }
  const table = await kind.build({ outOfDistribution: ["b"] }, {
    "train/a": await written(["one", "two", "one", "漢字 a"]),
    "validation/a": await written(["two", "three"]),
    "train/b": filtered,
    "validation/b": await written(many),
    "train/c": await written(["short", "long ".repeat(16) + "."]),
    "validation/c": await written(many),
  });
  deepStrictEqual(table.rows.map(({ label }) => label), [
    "a",
    "b (held out)",
    "c",
    "all trained on",
  ]);
  const cells = table.rows.map((row) =>
    Object.fromEntries(row.cells.map((cell, i) => [table.columns[i + 1], cell.text ?? cell.value]))
  );
  deepStrictEqual(cells[0], {
    "documents": "4",
    "text": "17 B",
    "share": "16.5 %", // 17 of 17 + 86
    "characters each": "3", // (3 + 3 + 3 + 4) / 4
    "longest": "8 B",
    "bytes/character": "1.31", // 17 / 13
    "repeated": "1",
    "dropped": "0",
    "validation": "2",
    "in both": "1",
    "scripts": "Latin 83.3 %, Han 16.7 %", // 10 and 2 of 12
  });
  strictEqual(cells[1].dropped, "3");
  strictEqual(cells[1].share, null);
  strictEqual(cells[1].scripts, "Cyrillic");
  deepStrictEqual(cells[3], {
    ...{ "documents": "6", "text": "103 B", "share": "100 %", "characters each": "17" }, // 99 / 6
    ...{ "longest": "81 B", "bytes/character": "1.04", "repeated": "1", "dropped": "0" },
    ...{ "validation": "62", "in both": "1", "scripts": null },
  });
  deepStrictEqual(table.notes.slice(3), [
    "c has 5.1 times the text of a",
    "a, documents repeated in training: 1 (documents.duplicates.exact leaves such out)",
    "a, validation documents also in training: 1, its scores are too good (documents.duplicates.exact leaves such out)",
    'b, bad rows: 1 left out, the first "b.jsonl", line 9: expected JSON',
    "b, exact duplicates: 1 left out, the first b.jsonl:2 = b.jsonl:1",
    "b, documents with fewer than 2 characters: 1 left out, the first b.jsonl:3",
    "fewer than 50 validation documents, so wide intervals: a (2)",
  ]);
});
