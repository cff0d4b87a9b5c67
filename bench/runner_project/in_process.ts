/**
 * Plans and runs in this process, for tests and measurements of hundreds of runs: the real planner, keys and store; only the
 * processes of instances are left out.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seedOf } from "../../pipeline/base/mod.ts";
import { CodeDigests } from "../../pipeline/code_digest.ts";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { expand, parentsOf, type RecipeHead, withoutStudy } from "../../pipeline/instances.ts";
import { listAndSync } from "../../pipeline/listing.ts";
import { Planner } from "../../pipeline/plan.ts";
import { type InstanceId, silentLog, type Stage, type StageRun } from "../../pipeline/stage.ts";
import { type Manifest, provenance, removeTree, Store } from "../../pipeline/store.ts";

const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

/** One of each for all planners of this process: bundles are made once. */
const files = new FileDigests(undefined);
const code = new CodeDigests(projectRoot, files, undefined);

/** A planner of a recipe without a study, over a store that is made where it is not. */
export async function plannerOf(
  stages: readonly Stage[],
  recipe: RecipeHead,
  storeFolder: string,
): Promise<Planner> {
  const instances = expand(stages, withoutStudy(recipe));
  const store = Store.open(storeFolder, { create: true });
  const planner = new Planner({ instances, recipe, store, code, files });
  await planner.prepare([...instances.keys()]);
  return planner;
}

/**
 * Brings every instance up to date, one after the other. Returns those that ran, in their order.
 *
 * @param choose Of what is ready, which is next: any order gives the same results.
 */
export async function bringUpToDate(
  planner: Planner,
  choose: (ready: readonly InstanceId[]) => InstanceId = ([first]) => first,
): Promise<InstanceId[]> {
  const outputs = new Map<InstanceId, Manifest["outputs"]>();
  const ran: InstanceId[] = [];
  const left = new Set(planner.instances.keys());
  while (left.size > 0) {
    const id = choose(
      [...left].filter((id) =>
        planner.instances.get(id)!.needs.every((needed) => outputs.has(needed))
      ),
    );
    left.delete(id);
    const state = planner.state(id, (needed) => outputs.get(needed));
    if (state.status === "waiting") throw new Error(`${id} waits for ${state.on}`);
    if (state.status === "run") ran.push(id);
    const manifest = state.status === "fresh" ? state.manifest : await execute(planner, id, state);
    outputs.set(id, manifest.outputs);
  }
  return ran;
}

async function execute(
  planner: Planner,
  id: InstanceId,
  { key, record }: { readonly key: string; readonly record: Manifest["record"] },
): Promise<Manifest> {
  const { store } = planner;
  const instance = planner.instances.get(id)!;
  const { stage, recipe, parts } = instance;
  const temporary = store.makeTemporary(stage.outputs);
  const { run } = await import(stage.module) as { run: StageRun };
  const uses = Object.entries(stage.uses?.(recipe, parts) ?? {});
  const modules = await Promise.all(uses.map(async ([role, url]) => [role, await import(url)]));
  const folders = stage.outputs.map((output) => [output, join(temporary, output)] as const);
  const summary = await run({
    instance: id,
    parts,
    params: stage.params(recipe, parts),
    hints: { ...stage.hints?.(recipe, parts) },
    inputs: Object.fromEntries(
      [...instance.inputs.keys()].map((name) => [name, store.objectFolder(record.inputs[name])]),
    ),
    files: planner.files(instance),
    outputs: Object.fromEntries(folders),
    checkpointFolder: store.checkpointFolder(key),
    seed: (name) => seedOf(instance.rootSeed, name),
    modules: Object.fromEntries(modules),
    log: silentLog,
    signal: new AbortController().signal,
  }) ?? {};
  const outputs = Object.fromEntries(
    folders.map(([name, folder]) => [name, store.publishObject(folder, listAndSync(folder, name))]),
  );
  const manifest: Manifest = {
    format: 1,
    key,
    instance: id,
    record,
    outputs,
    summary,
    parents: parentsOf(instance),
    modules: planner.modules(instance),
    provenance: provenance(planner.recipe.name, { durationMs: 1 }),
  };
  store.writeManifest(manifest);
  removeTree(temporary);
  return manifest;
}
