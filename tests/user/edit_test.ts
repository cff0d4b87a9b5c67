/**
 * Which results an edit of the code makes stale: those of the code that an instance runs, and what follows from them.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { copyProject, edit } from "../support/checkout.ts";
import { pipeline, temporaryFolder } from "../support/command_line.ts";

/** Instances that would run or wait for one that would, by stage. */
async function staleStages(root: string, args: readonly string[]): Promise<string[]> {
  const { stdout, stderr, code } = await pipeline(["status", "--json", ...args], root);
  assert.ok(code === 0 || code === 3, stderr);
  const { instances } = JSON.parse(stdout) as { instances: { instance: string; state: string }[] };
  const stale = instances.filter(({ state }) => state !== "fresh").map(({ instance }) => instance);
  assert.equal(code, stale.length === 0 ? 0 : 3);
  return [...new Set(stale.map((instance) => instance.split("/")[0]))].sort();
}

Deno.test("status after edits: only what runs the edited code is stale", async (t) => {
  using folder = temporaryFolder();
  const root = join(folder.path, "project");
  copyProject(root);
  const args = [
    "all",
    "--recipe",
    join(root, "tests/support/recipes/tiny.yaml"),
    "--store",
    join(folder.path, "store"),
  ];
  const run = await pipeline(["run", ...args], root);
  assert.equal(run.code, 0, run.stdout + run.stderr);

  await t.step("nothing is stale after a run", async () => {
    assert.deepEqual(await staleStages(root, args), []);
  });
  await t.step("a comment in a deep module changes nothing", async () => {
    const path = join(root, "model/differentiate.ts");
    Deno.writeTextFileSync(path, Deno.readTextFileSync(path) + "\n// A remark.\n");
    assert.deepEqual(await staleStages(root, args), []);
  });
  await t.step("a new reader that nothing uses changes nothing", async () => {
    Deno.copyFileSync(
      join(root, "datasets/readers/text.ts"),
      join(root, "datasets/readers/extra.ts"),
    );
    edit(
      join(root, "datasets/readers/mod.ts"),
      /("\.txt": "\.\/text\.ts",?)/,
      '$1\n  ".extra": "./extra.ts",',
    );
    assert.deepEqual(await staleStages(root, args), []);
  });
  await t.step("a change of the scheduler changes nothing", async () => {
    const path = join(root, "pipeline/scheduler.ts");
    Deno.writeTextFileSync(path, Deno.readTextFileSync(path) + "\nexport const edited = 1;\n");
    assert.deepEqual(await staleStages(root, args), []);
  });
  await t.step("a constant of the optimizer makes training stale, and what follows", async () => {
    edit(join(root, "engine/onnxruntime/adamw.ts"), /1 - /, "1.0000001 - ");
    const stale = await staleStages(root, args);
    assert.deepEqual(stale, ["continue", "evaluate", "finetune", "pretrain", "table"]);
  });
});
