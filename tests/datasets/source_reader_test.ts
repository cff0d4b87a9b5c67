import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";
import { SkipLog } from "../../datasets/documents.ts";
import { openLocal, readerDefaults } from "../../datasets/mod.ts";
import { reader } from "../../datasets/readers/jsonl.ts";
import { SourceReader } from "../../datasets/source_reader.ts";

Deno.test("SourceReader gives the documents of all files, each with its source, from any position", async () => {
  const folder = Deno.makeTempDirSync();
  for (const name of ["a.jsonl", "b.jsonl"]) {
    Deno.writeTextFileSync(join(folder, name), `{"text": "1 ${name}"}\n{"text": "2 ${name}"}\n`);
  }
  const parts = ["a.jsonl", "b.jsonl"].map((name) => ({
    name,
    reader,
    open: async () => ({
      input: await openLocal(join(folder, name)),
      sha256: () => "",
      isRemote: false,
    }),
  }));
  const skips = new SkipLog();
  const options = { source: "s", reading: readerDefaults, where: null, skips };
  const all = [
    { text: "1 a.jsonl", id: "a.jsonl:1", source: "s" },
    { text: "2 a.jsonl", id: "a.jsonl:2", source: "s" },
    { text: "1 b.jsonl", id: "b.jsonl:1", source: "s" },
    { text: "2 b.jsonl", id: "b.jsonl:2", source: "s" },
  ];
  const source = new SourceReader(parts, options);
  const positions = [source.position];
  const given = [];
  for await (const document of source) {
    given.push(document);
    positions.push(source.position);
  }
  deepStrictEqual(given, all);
  for (const [taken, from] of positions.entries()) {
    const rest = await Array.fromAsync(new SourceReader(parts, { ...options, from }));
    deepStrictEqual(rest, all.slice(taken));
  }
  Deno.removeSync(folder, { recursive: true });
});
