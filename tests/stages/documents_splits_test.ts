import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { readDocuments, readDocumentsReport } from "../../datasets/mod.ts";
import { UsageError } from "../../base/mod.ts";
import { documents } from "../../stages/documents.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { baseRecipe, runDocuments } from "../support/documents_stage.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const made = (recipe: Recipe, parts: string[], more = {}) =>
  runDocuments(folder, recipe, parts, more);
const texts = async (output: string) =>
  (await Array.fromAsync(readDocuments(output))).map(({ text }) => text);

function recipeOf(
  sources: Recipe["sources"],
  changes: Partial<Recipe["documents"]> = {},
): Recipe {
  const recipe = { ...baseRecipe, sources, documents: { ...baseRecipe.documents, ...changes } };
  return recipeSchema.parse(recipe);
}

Deno.test("documents splits a pool of files by content, test set aside", async () => {
  const data = Deno.makeTempDirSync({ dir: folder });
  Deno.mkdirSync(join(data, "pool/more"), { recursive: true });
  const rows = (from: number) =>
    Array.from({ length: 300 }, (_, i) => `{"text": "text ${from + i}"}\n`).join("");
  Deno.writeTextFileSync(join(data, "pool/b.jsonl"), rows(0));
  Deno.writeTextFileSync(join(data, "pool/more/a.jsonl"), rows(200)); // 100 of them again
  Deno.writeTextFileSync(join(data, "pool/README.md"), "no text\n");
  const source = { files: "pool", split: { validation: 0.2, test: 0.1 } };
  const recipe = {
    ...recipeOf({ a: source }, { duplicates: { exact: true, near: null } }),
    data,
  };
  deepStrictEqual(documents.instances(recipe), [["a", "train"], ["a", "validation"], [
    "a",
    "test",
  ]]);
  const parts = await Promise.all(
    ["train", "validation", "test"].map(async (split) => (await made(recipe, ["a", split])).output),
  );
  const all = (await Promise.all(parts.map(texts))).flat();
  strictEqual(all.length, 500);
  strictEqual(new Set(all).size, 500);
  const { filter } = readDocumentsReport(parts[0]);
  strictEqual(filter!.duplicates.exact.documents, 100);
  strictEqual(
    filter!.duplicates.exact.first[0],
    "a.jsonl:1 = b.jsonl:201",
  );
  const glob = { ...recipe, sources: { a: { ...source, files: "pool/*.jsonl" } } };
  deepStrictEqual(Object.values(documents.declare(glob, ["a", "train"]).files!), [
    join(data, "pool/b.jsonl"),
  ]);
  const none = { ...recipe, sources: { a: { ...source, files: "pool/*.csv" } } };
  throws(() => documents.declare(none, ["a", "train"]).files, UsageError);
});

Deno.test("documents takes the test from training files by content where no test files are named", async () => {
  const data = Deno.makeTempDirSync({ dir: folder });
  const rows = (word: string, count: number) =>
    Array.from({ length: count }, (_, i) => `{"text": "${word} ${i}"}\n`).join("");
  for (const [name, count] of [["train", 400], ["validation", 20], ["test", 10]] as const) {
    Deno.writeTextFileSync(join(data, `${name}.jsonl`), rows(name, count));
  }
  const files = { train: "train.jsonl", validation: "validation.jsonl" };
  const recipe = (source: object, changes = {}) => ({
    ...recipeOf({ a: { ...files, ...source } }, { testShare: 0.1, ...changes }),
    data,
  });
  const textsOf = async (of: Recipe, split: string) =>
    await texts((await made(of, ["a", split])).output);
  const [train, validation, test] = await Promise.all(
    ["train", "validation", "test"].map((split) => textsOf(recipe({}), split)),
  );
  deepStrictEqual(
    [...train, ...test].sort(),
    Array.from({ length: 400 }, (_, i) => `train ${i}`).sort(),
  );
  ok(test.length > 20 && test.length < 60, `${test.length} of 400, of which a tenth is expected`);
  strictEqual(validation.length, 20);

  const limited = { maxDocuments: { train: null, validation: null, test: 5 } };
  deepStrictEqual(await textsOf(recipe({}, limited), "test"), test.slice(0, 5));
  deepStrictEqual(await textsOf(recipe({}, limited), "train"), train);

  const withTest = recipe({ test: "test.jsonl" });
  strictEqual((await textsOf(withTest, "train")).length, 400);
  deepStrictEqual((await textsOf(withTest, "test")).slice(0, 2), ["test 0", "test 1"]);

  await rejects(
    made(recipe({}, { testShare: 1e-9 }), ["a", "test"]),
    /found none \(left out: 400 of other splits\); name test files, or raise documents\.testShare/,
  );
});

Deno.test("documents leaves training text out of validation files when duplicates are dropped", async () => {
  const data = Deno.makeTempDirSync({ dir: folder });
  const write = (name: string, texts: readonly string[]) =>
    Deno.writeTextFileSync(
      join(data, name),
      texts.map((text) => JSON.stringify({ text })).join("\n"),
    );
  const long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
  write("t.jsonl", ["only here", "in both", long]);
  write("v.jsonl", ["new", "in both  ", `${long} fifteen`, "new", "in both"]);
  const asked = (duplicates: Recipe["documents"]["duplicates"]) => ({
    ...recipeOf({ s: { train: "t.jsonl", validation: "v.jsonl" } }, {
      duplicates,
      clean: ["trim"],
    }),
    data,
  });
  const exact = asked({ exact: true, near: null });
  deepStrictEqual(documents.declare(exact, ["s", "train"]).inputs, {});
  deepStrictEqual(
    documents.declare(asked({ exact: false, near: null }), ["s", "validation"]).inputs,
    {},
  );
  deepStrictEqual(documents.declare(exact, ["s", "validation"]).inputs, {
    training: "documents/s/train#documents",
  });
  const { output: training } = await made(exact, ["s", "train"]);
  const { output } = await made(exact, ["s", "validation"], { inputs: { training } });
  deepStrictEqual(await texts(output), ["new", `${long} fifteen`]);
  deepStrictEqual(readDocumentsReport(output).filter!.duplicates.exact, {
    documents: 3,
    first: [
      "v.jsonl:2 = training t.jsonl:2",
      "v.jsonl:4 = v.jsonl:1",
      "v.jsonl:5 = training t.jsonl:2",
    ],
  });
  const near = asked({ exact: true, near: { threshold: 0.7, shingle: 3, permutations: 128 } });
  const found = await made(near, ["s", "validation"], { inputs: { training } });
  deepStrictEqual(await texts(found.output), ["new"]);
  write("v.jsonl", ["in both"]);
  await rejects(
    made(exact, ["s", "validation"], { inputs: { training } }),
    /^StageError: Cannot write documents of source "s": expected at least one document, found none \(left out: 1 exact duplicates\)$/,
  );
  write("v.jsonl", []);
  await rejects(
    made(exact, ["s", "validation"], { inputs: { training } }),
    /^StageError: Cannot write documents of source "s": expected at least one document, found none in "v\.jsonl"$/,
  );
});
