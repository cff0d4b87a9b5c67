import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";
import { SkipLog } from "../../datasets/documents.ts";
import { openLocal, readerDefaults } from "../../datasets/mod.ts";
import { reader } from "../../datasets/readers/jsonl.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { SourceReader } from "../../datasets/source_reader.ts";

/** All documents; each is valid until the next one. */
async function documentsOf(reader: SourceReader) {
  const found = [];
  for await (const { text, id, source } of reader) found.push({ text, id, source });
  return found;
}

Deno.test("SourceReader counts the files that give no document", async () => {
  using folder = temporaryFolder();
  const texts = { "a.jsonl": '{"text": "a"}\n', "b.jsonl": "", "c.jsonl": "{}\n", "d.jsonl": "\n" };
  const parts = Object.entries(texts).map(([name, text]) => {
    Deno.writeTextFileSync(join(folder.path, name), text);
    const open = async () => ({
      input: await openLocal(join(folder.path, name)),
      sha256: () => "",
      state: () => "",
      isRemote: false,
    });
    return { name, reader, open };
  });
  const reading = { ...readerDefaults, badRows: "skip" } as const;
  const options = { source: "s", reading, where: null, skips: new SkipLog() };
  const source = new SourceReader(parts, options);
  const given = await Array.fromAsync(source);
  deepStrictEqual(given.map(({ id }) => id), ["a.jsonl:1"]);
  deepStrictEqual(source.position.empty, { files: 3, first: ["b.jsonl", "c.jsonl", "d.jsonl"] });
});

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
      state: () => "",
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
    const { text, id, source: name } = document;
    given.push({ text, id, source: name });
    positions.push(source.position);
  }
  deepStrictEqual(given, all);
  for (const [taken, from] of positions.entries()) {
    const rest = await documentsOf(new SourceReader(parts, { ...options, from }));
    deepStrictEqual(rest, all.slice(taken));
  }
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("SourceReader sorts a file of several sources again where what lies in the shared folder is damaged", async () => {
  const folder = Deno.makeTempDirSync();
  const [path, splits] = [join(folder, "a.jsonl"), join(folder, "splits")];
  const row = (text: string, kind: string) => `${JSON.stringify({ text, kind })}\n`;
  Deno.writeTextFileSync(path, row("one", "x") + row("two", "y") + row("three", "x"));
  const read = async (state: string) => {
    const open = async () => ({
      input: await openLocal(path),
      sha256: () => "",
      state: () => state,
      isRemote: false,
    });
    const where = { folder: splits, field: "kind", values: ["x"] };
    const options = { source: "s", reading: readerDefaults, where, skips: new SkipLog() };
    const found = await Array.fromAsync(new SourceReader([{ name: "a", reader, open }], options));
    return found.map(({ text }) => text);
  };
  deepStrictEqual(await read("first"), ["one", "three"]);
  const [{ name }] = [...Deno.readDirSync(splits)].filter(({ isDirectory }) => isDirectory);
  const part = join(splits, name, "0.zst");
  const whole = Deno.readFileSync(part);
  Deno.writeFileSync(part, Deno.readFileSync(join(splits, name, "1.zst")));
  deepStrictEqual(await read("first"), ["one", "three"]);
  deepStrictEqual(Deno.readFileSync(part), whole);
  const index = join(splits, name, "index.json");
  Deno.writeTextFileSync(index, Deno.readTextFileSync(index).replace('"part": 0', '"part": 1'));
  deepStrictEqual(await read("first"), ["one", "three"]);
  Deno.writeTextFileSync(path, row("other", "x"));
  deepStrictEqual(await read("first"), ["one", "three"]); // sorted once for each state
  deepStrictEqual(await read("second"), ["other"]);
  Deno.removeSync(folder, { recursive: true });
});
