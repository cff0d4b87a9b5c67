/**
 * A result is kept only under the key that it has: what its process read is what the key says, whatever happens meanwhile.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { openCheckpointFolder } from "../../pipeline/checkpoint_notes.ts";
import type { ChildWork } from "../../pipeline/executors/executor.ts";
import { childEnvironment } from "../../pipeline/executors/prepared_program.ts";
import type { RunEvent } from "../../pipeline/events.ts";
import { bringUpToDate, inProcess, plannerOf } from "../support/in_process.ts";
import type { ToyRecipe } from "../support/toy_stages/recipe.ts";
import { walk } from "../support/toy_stages/walk.ts";
import { words } from "../support/toy_stages/words.ts";
import { inTemporaryFolder, namesIn } from "../support/toy_cli.ts";

const recipe: ToyRecipe = {
  name: "kept",
  description: "",
  seed: 7,
  engine: { kind: "cpu", threads: 1 },
  data: null,
  sources: ["a"],
  rules: ["left"],
  count: 20,
  steps: 4,
  delayMs: 0,
  claims: { threads: 1, memoryGb: 0 },
  title: "",
  study: null,
  fault: null,
};

/** Runs in this process; of a stage, with an edit before it works and another one after. */
async function runWhile(
  store: string,
  recipe: ToyRecipe,
  edit: { readonly of: string; before(work: ChildWork): void; after(work: ChildWork): void },
) {
  const planner = await plannerOf([words, walk], recipe, store);
  const start = inProcess(() => Promise.resolve());
  const failures: string[] = [];
  const result = await bringUpToDate(planner, {
    startChild(work) {
      const isEdited = work.request.instance === edit.of;
      if (isEdited) edit.before(work);
      const child = start(work);
      if (!isEdited) return child;
      return { ...child, outcome: child.outcome.finally(() => edit.after(work)) };
    },
    emit(event: RunEvent) {
      if (event.type === "failed") failures.push(event.message);
    },
  });
  return { planner, result, failures };
}

const undisturbed = { of: "none", before() {}, after() {} };

/** Gives a file another text until the returned function is called, which gives it its text and times back. */
function editUntil(path: string, text: string): () => void {
  const [before, { atime, mtime }] = [Deno.readFileSync(path), Deno.statSync(path)];
  Deno.chmodSync(path, 0o644);
  Deno.writeTextFileSync(path, text);
  return () => {
    Deno.writeFileSync(path, before);
    Deno.utimeSync(path, atime!, mtime!);
  };
}

Deno.test("run: a data file that is edited and put back while it is read ends the run, and leaves no result and no checkpoint", async () => {
  await inTemporaryFolder(async (folder) => {
    const [store, file] = [join(folder, "store"), join(folder, "a.txt")];
    Deno.writeTextFileSync(file, "x y z");
    const ofFiles = { ...recipe, data: folder, rules: [] };
    let putBack = () => {};
    const { result, failures } = await runWhile(store, ofFiles, {
      of: "words/a",
      before({ request }) {
        Deno.writeTextFileSync(join(request.checkpointFolder, "half.json"), "of another text");
        putBack = editUntil(file, "other");
      },
      after: () => putBack(),
    });
    assert.deepEqual([result.ran, result.failed], [[], ["words/a"]]);
    assert.match(
      failures[0],
      /^Cannot keep what words\/a made: expected digest [0-9a-f]{64} of ".*a\.txt" all the while it was read, found that it was written meanwhile, though its digest is the same again; run again$/,
    );
    assert.deepEqual(namesIn(join(store, "manifests")), []);
    assert.deepEqual(namesIn(join(store, "checkpoints")), []);
    const again = await runWhile(store, ofFiles, undisturbed);
    assert.deepEqual(again.result.ran, ["words/a"]);
  });
});

Deno.test("run: an object of the store that is written while it is read ends the run, and is checked again by the next", async () => {
  await inTemporaryFolder(async (store) => {
    await runWhile(store, { ...recipe, rules: [] }, undisturbed);
    await new Promise((resolve) => setTimeout(resolve, 1100)); // the second of its publication is over
    let putBack = () => {};
    const { result, failures } = await runWhile(store, recipe, {
      of: "walk/a/left",
      before: ({ request }) => putBack = editUntil(`${request.inputs.words}/words.txt`, "other"),
      after: () => putBack(),
    });
    assert.deepEqual(result.failed, ["walk/a/left"]);
    assert.match(failures[0], /expected that what words\/a made stays as it is while it is read/);
    assert.deepEqual((await runWhile(store, recipe, undisturbed)).result.ran, ["walk/a/left"]);
  });
});

Deno.test("run: a manifest without an output of its stage is no result, also of a version that wrote no digest", async () => {
  await inTemporaryFolder(async (store) => {
    const { planner } = await runWhile(store, { ...recipe, rules: [] }, undisturbed);
    const [{ key, outputs, digest, ...rest }] = [...planner.store.manifests()];
    assert.match(digest!, /^[0-9a-f]{64}$/);
    const older = { ...rest, key, outputs: { renamed: outputs.words } };
    Deno.writeTextFileSync(planner.store.manifestPath(key), JSON.stringify(older));
    assert.notEqual(planner.store.find(key), undefined, "of an older version");
    const again = await runWhile(store, { ...recipe, rules: [] }, undisturbed);
    assert.deepEqual(again.result.ran, ["words/a"]);
    assert.deepEqual(planner.store.find(key)?.outputs, outputs);
  });
});

Deno.test("run: a damaged object is not taken for what is published under its name", async () => {
  await inTemporaryFolder(async (store) => {
    const { planner } = await runWhile(store, { ...recipe, rules: [] }, undisturbed);
    const [{ key, outputs }] = [...planner.store.manifests()];
    const path = join(planner.store.objectFolder(outputs.words), "words.txt");
    const text = Deno.readTextFileSync(path);
    editUntil(path, text.replace(/^./, "!")); // as long
    Deno.removeSync(planner.store.manifestPath(key));
    await runWhile(store, { ...recipe, rules: [] }, undisturbed);
    assert.equal(Deno.readTextFileSync(path), text);
  });
});

Deno.test("openCheckpointFolder() goes on only from what was made for the same key, of the same states of files", async () => {
  await inTemporaryFolder((folder) => {
    const checkpoints = join(folder, "key");
    const isResumed = (key: string, files: string) => openCheckpointFolder(checkpoints, key, files);
    const work = () => Deno.writeTextFileSync(join(checkpoints, "half.json"), "{}");
    assert.equal(isResumed("a", ""), false);
    work();
    assert.equal(isResumed("a", ""), true);
    assert.equal(isResumed("b", ""), false, "moved here from another key");
    work();
    assert.equal(isResumed("b", "1 2 3\n"), false, "of no file");
    work();
    assert.equal(isResumed("b", "1 2 3\n"), true);
    assert.equal(isResumed("b", "1 2 4\n"), false, "written since");
    assert.deepEqual(namesIn(checkpoints), ["made-of"]);
  });
});

Deno.test("childEnvironment() keeps variables away by which native libraries compute otherwise", () => {
  const kept = {
    PATH: "/bin",
    LANG: "C",
    CUDA_VISIBLE_DEVICES: "1",
    TF_FORCE_GPU_ALLOW_GROWTH: "1",
  };
  const others = { NVIDIA_TF32_OVERRIDE: "1", OMP_NUM_THREADS: "7", TF_ENABLE_ONEDNN_OPTS: "0" };
  assert.deepEqual(childEnvironment({ ...kept, ...others }), kept);
});
