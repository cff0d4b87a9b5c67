import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readDocuments, readDocumentsReport } from "../../datasets/mod.ts";
import { StageError, UsageError } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { documents } from "../../stages/documents.ts";
import type { Recipe } from "../../stages/recipe.ts";
import { needsData } from "../support/data.ts";
import { baseRecipe as base, runDocuments } from "../support/documents_stage.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const generatedSource = {
  generator: "language",
  options: { language: "velsan" },
  documents: { train: 20, validation: 5 },
};

function generatedRecipe(changes: Partial<Recipe> = {}): Recipe {
  return { ...base, sources: { a: generatedSource, b: generatedSource }, ...changes };
}

/** A recipe over files that are written to a folder of their own, by path. */
function fileRecipe(
  files: Readonly<Record<string, string | Uint8Array>>,
  changes: Partial<Recipe> = {},
): Recipe {
  const data = Deno.makeTempDirSync({ dir: folder });
  for (const [path, content] of Object.entries(files)) {
    Deno.mkdirSync(join(data, path, ".."), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(join(data, path), content);
    else Deno.writeFileSync(join(data, path), content);
  }
  return { ...base, data, ...changes };
}

const made = (recipe: Recipe, parts: string[], more: Parameters<typeof runDocuments>[3] = {}) =>
  runDocuments(folder, recipe, parts, more);

const textsOf = async (output: string) =>
  (await Array.fromAsync(readDocuments(output))).map(({ text }) => text);

Deno.test("documents has an instance for each source and split, with seeds only where text is made", () => {
  const recipe = fileRecipe({}, {
    sources: { b: generatedSource, a: { train: "t.jsonl", validation: ["/v/1.txt", "2.txt"] } },
  });
  deepStrictEqual(documents.instances(recipe), [
    ["a", "train"],
    ["a", "validation"],
    ["a", "test"],
    ["b", "train"],
    ["b", "validation"],
    ["b", "test"],
  ]);
  const seeds = (...parts: string[]) => documents.declare(recipe, parts).seeds;
  deepStrictEqual(seeds("a", "train"), []);
  deepStrictEqual(seeds("b", "train"), ["documents/b"]);
  deepStrictEqual(documents.declare(recipe, ["a", "validation"]).files, {
    "file/0": "/v/1.txt",
    "file/1": join(recipe.data!, "2.txt"),
  });
  deepStrictEqual(documents.declare(recipe, ["b", "train"]).files ?? {}, {});
  deepStrictEqual(Object.keys(documents.declare(recipe, ["a", "validation"]).uses!), [
    "reader/0",
    "reader/1",
  ]);
  // Folders stay out of the key: only base names reach the documents' ids.
  ok(!JSON.stringify(documents.declare(recipe, ["a", "validation"]).params).includes("/"));
});

Deno.test("documents refuses a file that no reader takes and a generator that does not exist", () => {
  const files = { a: { train: "t.docx", validation: "v.docx" } };
  const recipe = fileRecipe({}, { sources: files });
  throws(() => documents.declare(recipe, ["a", "train"]).uses, UsageError);
  const unknown = generatedRecipe({ sources: { a: { ...generatedSource, generator: "nope" } } });
  throws(() => documents.declare(unknown, ["a", "train"]).uses, /Cannot generate source "nope"/);
});

Deno.test("documents makes text that its source's name, split and the seed decide", async () => {
  const recipe = generatedRecipe();
  const { output, summary } = await made(recipe, ["a", "train"]);
  const first = await textsOf(output);
  const report = readDocumentsReport(output);
  strictEqual(first.length, 20);
  deepStrictEqual(summary, { documents: 20, bytes: report.bytes });
  strictEqual(report.entropyBitsPerByte, undefined);
  const test = readDocumentsReport((await made(recipe, ["a", "test"])).output);
  ok(test.entropyBitsPerByte! > 0.5 && test.entropyBitsPerByte! < 8);
  const bytes = Deno.readFileSync(join(output, "documents.arrow"));
  const again = await made(recipe, ["a", "train"]);
  deepStrictEqual(Deno.readFileSync(join(again.output, "documents.arrow")), bytes);
  for (
    const [other, parts] of [
      [recipe, ["b", "train"]],
      [recipe, ["a", "validation"]],
      [{ ...recipe, seed: recipe.seed + 1 }, ["a", "train"]],
    ] as const
  ) {
    const texts = await textsOf((await made(other, [...parts])).output);
    ok(texts.every((text) => !first.includes(text)), parts.join("/"));
  }
});

Deno.test("documents takes only the first documents when the recipe says so", async () => {
  const limit = { ...base.documents, maxDocuments: { train: 3, validation: null } };
  const generated = generatedRecipe({ documents: limit });
  strictEqual((await made(generated, ["a", "train"])).summary.documents, 3);
  strictEqual((await made(generated, ["a", "validation"])).summary.documents, 5);
  const rows = '{"text": "x"}\n'.repeat(4) + "not read any more\n";
  const recipe = fileRecipe({ "s/train.jsonl": rows, "s/validation.jsonl": rows }, {
    documents: limit,
  });
  strictEqual((await made(recipe, ["s", "train"])).summary.documents, 3);
  await rejects(made(recipe, ["s", "validation"]), /"validation\.jsonl", line 5: expected JSON/);
});

Deno.test("documents reads a folder of sources, gzip and plain text too", async () => {
  const recipe = fileRecipe({
    "it/train.jsonl.gz": gzipSync('{"text": "uno"}\n{"text": "due"}\n'),
    "it/validation.jsonl": '{"text": "tre"}\n',
    "la/train.txt": "unus\nduo\n\ntres\n",
    "la/validation.txt": "quattuor",
  });
  const texts = async (...parts: string[]) => await textsOf((await made(recipe, parts)).output);
  deepStrictEqual(await texts("it", "train"), ["uno", "due"]);
  deepStrictEqual(await texts("it", "validation"), ["tre"]);
  deepStrictEqual(await texts("la", "train"), ["unus\nduo", "tres"]);
  deepStrictEqual(await texts("la", "validation"), ["quattuor"]);
});

Deno.test("documents reads the files of a split in their order, ids telling equal names apart", async () => {
  const names = Array.from({ length: 12 }, (_, i) => `${i}/part.jsonl`);
  const files = Object.fromEntries(names.map((name, i) => [name, `{"text": "${i}"}\n`]));
  const recipe = fileRecipe(files, { sources: { a: { train: names, validation: names[0] } } });
  const { output } = await made(recipe, ["a", "train"]);
  const read = await Array.fromAsync(readDocuments(output));
  deepStrictEqual(read, names.map((_, i) => ({ text: `${i}`, id: `${i}/part.jsonl:1` })));
  const one = await Array.fromAsync(
    readDocuments((await made(recipe, ["a", "validation"])).output),
  );
  deepStrictEqual(one, [{ text: "0", id: "part.jsonl:1" }]);
});

Deno.test("documents drops bad rows only when told to, and says so", async () => {
  const files = {
    "s/train.jsonl": '{"text": "x"}\n{"text": 5}\n',
    "s/validation.jsonl": '{"text": "x"}\n',
  };
  await rejects(
    made(fileRecipe(files), ["s", "train"]),
    (error: Error) => error instanceof StageError && /line 2, field "text"/.test(error.message),
  );
  const skipping = fileRecipe(files, { documents: { ...base.documents, badRows: "skip" } });
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const { output, summary } = await made(skipping, ["s", "train"], { log });
  strictEqual(summary.skipped, 1);
  deepStrictEqual(warnings, ["skipped 1 bad rows"]);
  const { skipped } = readDocumentsReport(output);
  strictEqual(skipped.rows, 1);
  match(skipped.first[0], /^"train\.jsonl", line 2, field "text": expected a string/);
});

Deno.test("documents stops between two documents when it is told to", async () => {
  const controller = new AbortController();
  const reason = new Error("Ctrl-C");
  controller.abort(reason);
  const { signal } = controller;
  await rejects(made(generatedRecipe(), ["a", "train"], { signal }), reason);
});

const data = needsData("multilingual");
Deno.test({
  name: "documents reads the real sources of a folder",
  ignore: data.ignore,
  async fn() {
    const recipe = { ...base, data: data.path };
    ok(documents.instances(recipe).some(([source]) => source === "sw"));
    const { summary } = await made(recipe, ["sw", "validation"]);
    strictEqual(summary.documents, 89); // README of the data
  },
});
