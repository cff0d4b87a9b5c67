/**
 * What enters the keys of the real stages, and what does not: keys of every instance of a recipe, its inputs taken as made.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { sha256 } from "../../base/mod.ts";
import { project } from "../../commands/dept.ts";
import { CodeDigests } from "../../pipeline/code_digest.ts";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { expand } from "../../pipeline/instances.ts";
import { actionKey, type ActionRecord } from "../../pipeline/key.ts";
import { Planner } from "../../pipeline/plan.ts";
import { loadStudy } from "../../pipeline/recipe.ts";
import { Store } from "../../pipeline/store.ts";
import { tinyRecipe } from "../support/command_line.ts";
import { projectRoot } from "../support/paths.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

const files = new FileDigests(undefined);
const code = new CodeDigests(projectRoot, files, undefined);

/** Key by instance; each input has a digest of its maker's name. */
async function keys(folder: string, ...set: string[]): Promise<Map<string, string>> {
  return new Map([...await records(folder, ...set)].map(([id, record]) => [id, actionKey(record)]));
}

async function records(folder: string, ...set: string[]): Promise<Map<string, ActionRecord>> {
  const study = await loadStudy(tinyRecipe, {
    folder: project.recipes,
    schema: project.schema,
    set: ["pretrain.variants=[std-t0, trim, spec-opt]", ...set],
  });
  const instances = expand(project.stages, study);
  const store = Store.open(folder, { create: false });
  const planner = new Planner({ instances, recipe: study.recipe, store, code, files });
  await planner.prepare([...instances.keys()]);
  return new Map([...instances.values()].map(({ id, stage }) => {
    const state = planner.state(id, (needed) => {
      const { outputs } = instances.get(needed)!.declaration;
      return Object.fromEntries(outputs.map((output) => [output, sha256(`${needed}#${output}`)]));
    });
    assert.ok(state.status === "run", `${stage.name} has all its inputs`);
    return [id, state.record];
  }));
}

/** Stages of which some instance has another key with these overrides. */
async function changedStages(...set: string[]): Promise<string[]> {
  const changed = new Set<string>();
  await inTemporaryFolder(async (folder) => {
    const [before, after] = [await keys(folder), await keys(folder, ...set)];
    for (const [id, key] of after) if (before.get(id) !== key) changed.add(id.split("/")[0]);
  });
  return [...changed].sort();
}

const training = ["continue", "evaluate", "finetune", "pretrain"];

const changes: Readonly<Record<string, readonly [set: string, stages: readonly string[]]>> = {
  "the number of threads, of stages with an engine": ["engine.threads=2", training],
  "the kind of engine": ["engine.kind=reference", training],
  "the precision of products": ["engine.precision=fp16", training],
  "the seed, of stages that draw": ["seed=18", ["documents", "ngrams", ...training].sort()],
  "local steps": ["pretrain.localSteps=7", ["pretrain", "table"]],
  "steps of continuation": ["continue.steps=7", ["continue"]],
  "how often checkpoints are written: nothing": ["pretrain.checkpointEverySteps=1", []],
  "how often continuation writes checkpoints: nothing": ["continue.checkpointEverySteps=5", []],
  "the description of a recipe: nothing": ["description=Another", []],
  "the name of a recipe: nothing": ["name=another", []],
};

for (const [what, [set, stages]] of Object.entries(changes)) {
  Deno.test(`keys of stages: ${what}`, async () => {
    assert.deepEqual(await changedStages(set), stages);
  });
}

Deno.test("keys of stages: no record names a folder, a store or a time", async () => {
  await inTemporaryFolder(async (folder) => {
    const text = JSON.stringify([...await records(folder)]);
    for (const word of [folder, projectRoot, Deno.cwd()]) {
      assert.ok(!text.includes(word), `"${word}" is in a record`);
    }
    assert.doesNotMatch(text, /\d{4}-\d\d-\d\d|\d\d:\d\d|file:\/\//);
    assert.deepEqual(await keys(join(folder, "other")), await keys(folder));
  });
});

Deno.test("keys of stages: code by role, the same roles wherever its files lie", async () => {
  await inTemporaryFolder(async (folder) => {
    const { code } = (await records(folder)).get("pretrain/trim")!;
    assert.deepEqual(Object.keys(code).sort(), ["context", "engine", "run"]);
  });
});
