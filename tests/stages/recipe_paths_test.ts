/**
 * Paths of recipes: where they start from, and that results do not depend on them.
 */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { project } from "../../commands/dept.ts";
import { expand } from "../../pipeline/instances.ts";
import { loadStudy } from "../../pipeline/recipe.ts";
import { temporaryFolder } from "../support/command_line.ts";

const recipe = `extends: base
name: mine
description: Files beside the recipe.
sources:
  arithmetic: { generator: arithmetic, documents: { train: 9, validation: 9 } }
  globbed: { train: texts/*.jsonl, validation: texts/a.jsonl }
  pooled: { files: [texts/a.jsonl, texts/b.jsonl], split: { validation: 0.5 } }
pretrain: { sourcesPerRound: 3 }
vocabulary: { global: { file: own.model } }
finetune:
  tasks:
    sst2: { format: sst2, files: { train: tasks/train.tsv, dev: tasks/dev.tsv } }
tables: [settings, data, bits-random]
`;

/** A project of files in a folder; where they are must not matter. */
async function declaredIn(folder: string) {
  const files = ["texts/a.jsonl", "texts/b.jsonl", "tasks/train.tsv", "tasks/dev.tsv", "own.model"];
  for (const file of files) {
    Deno.mkdirSync(join(folder, file, ".."), { recursive: true });
    Deno.writeTextFileSync(join(folder, file), "");
  }
  const path = join(folder, "mine.yaml");
  Deno.writeTextFileSync(path, recipe);
  const study = await loadStudy(path, { ...project, folder: project.recipes });
  return [...expand(project.stages, study).values()].map(({ id, declaration, inputs }) => ({
    id,
    inKey: {
      ...declaration,
      files: Object.keys(declaration.files),
      inputs: [...inputs],
      hints: {},
    },
    files: Object.values(declaration.files),
  }));
}

Deno.test("files of a recipe are found from its folder, and nothing in a key says where that is", async () => {
  using folder = temporaryFolder();
  const [here, there] = ["here [1]", "moved"].map((name) => join(folder.path, name));
  const declared = await declaredIn(here);
  assert.deepEqual(
    new Set(declared.flatMap(({ files }) => files).map((path) => path.slice(here.length))),
    new Set([
      "/texts/a.jsonl",
      "/texts/b.jsonl",
      "/own.model",
      "/tasks/train.tsv",
      "/tasks/dev.tsv",
    ]),
  );
  assert.ok(!JSON.stringify(declared.map(({ inKey }) => inKey)).includes(basename(here)));
  const moved = await declaredIn(there);
  assert.deepEqual(moved.map(({ inKey }) => inKey), declared.map(({ inKey }) => inKey));
});
