/**
 * Tables as a store keeps them, whatever code made them: for results of others, and of an earlier version.
 */
import { resolve } from "node:path";
import { UsageError } from "../base/mod.ts";
import type { Manifest } from "../pipeline/manifest.ts";
import { ObjectCheck } from "../pipeline/object_check.ts";
import { Store } from "../pipeline/store.ts";
import { isNamed } from "../pipeline/targets.ts";
import { makersOf, newestOf, seriesOverSeeds } from "./kept_seeds.ts";
import { defaultRecipe } from "./plan_options.ts";
import type { Project, SeedResult, TableFormat } from "./project.ts";
import { tablesOf, tableStage, tablesText } from "./tables.ts";

interface Asked {
  /** Targets; none for all tables. */
  readonly targets: readonly string[];
  /** Of the run that made them; where nobody names one, the only one that the store has tables of. */
  readonly recipe: string;
  readonly store: string;
  readonly format: TableFormat;
  /** Means over the seeds that the store has, in place of the newest. */
  readonly overSeeds: boolean;
}

/**
 * The newest result of each named table of a recipe, in the order of the names, else of the instances; each says its key and what
 * made it. Over seeds: means of the newest of each seed. Nothing is planned: data, recipe and code need not be there.
 *
 * @throws UsageError for a store that is not there, for a name that it has no table of, and where no table has two seeds
 */
export async function printKeptTables(
  project: Project,
  { targets, recipe: asked, store: folder, format, overSeeds }: Asked,
): Promise<string> {
  const store = Store.open(resolve(folder), { create: false });
  if (!store.isThere) {
    throw new UsageError(
      `Cannot print tables of "${store.folder}": expected a store, found none there`,
    );
  }
  const all = [...store.manifests()];
  const recipe = keptRecipe(all, asked);
  const results = all.filter(({ record, provenance }) =>
    record.stage === tableStage && provenance.recipe === recipe
  );
  const ids = [...new Set(results.map(({ instance }) => instance))].sort();
  const wanted = targets.length === 0 ? ids : targets.flatMap((target) => {
    const found = ids.filter((id) => isNamed(id, target));
    if (found.length > 0) return found;
    throw new UsageError(
      `Cannot print ${target}: expected a table of recipe "${recipe}" in "${store.folder}", found ${
        ids.length === 0 ? "none at all" : ids.join(", ")
      }`,
    );
  });
  if (wanted.length === 0) {
    throw new UsageError(
      `Cannot print tables: expected some of recipe "${recipe}" in "${store.folder}", found none`,
    );
  }
  const objects = new ObjectCheck(store, false);
  const tablesIn = (manifest: Manifest) =>
    tablesOf(manifest.instance, manifest, objects, statesOf(manifest, all), format);
  const tables: object[] = [];
  for (const id of new Set(wanted)) {
    const made = results.filter(({ instance }) => instance === id);
    if (!overSeeds) {
      const newest = newestOf(made);
      for (const table of await tablesIn(newest)) tables.push(withOrigin(table, [newest]));
      continue;
    }
    for (const { seeds, manifests } of seriesOverSeeds(made, all)) {
      const ofSeeds: SeedResult[] = [];
      for (const [at, manifest] of manifests.entries()) {
        const [table] = await tablesIn(manifest);
        const inputs = await foldersOf(manifest, store, objects);
        ofSeeds.push({ seed: seeds[at], table, params: manifest.record.params, inputs });
      }
      tables.push(withOrigin(await project.tableOverSeeds!(ofSeeds), manifests));
    }
  }
  if (tables.length > 0) return await tablesText(project, tables, format);
  throw new UsageError(
    `Cannot print means over seeds: expected a table of at least two seeds in "${store.folder}", found ` +
      `none; \`pull\` into one store what \`push\` has packed of each seed, with the losses that tables are made from`,
  );
}

/** The folder of each input of a result, where the store has it. */
async function foldersOf({ instance, record }: Manifest, store: Store, objects: ObjectCheck) {
  const folders: Record<string, string | undefined> = {};
  for (const [name, digest] of Object.entries(record.inputs)) {
    folders[name] = store.hasObject(digest) ? await objects.require(digest, instance) : undefined;
  }
  return folders;
}

/**
 * The recipe that is meant of those that a store has tables of: the only one, where nobody names one.
 * @param asked By the options.
 * @throws UsageError if there are several
 */
export function keptRecipe(all: readonly Manifest[], asked: string): string {
  const there = new Set(
    all.filter(({ record }) => record.stage === tableStage)
      .map(({ provenance }) => provenance.recipe),
  );
  const [only, ...more] = there;
  if (asked !== defaultRecipe || there.has(asked) || only === undefined) return asked;
  if (more.length === 0) return only;
  throw new UsageError(
    `Cannot tell which results are meant: expected --recipe to be one of ${
      [...there].sort().join(", ")
    }, of which the store has tables, found none`,
  );
}

/** The results of a store that a result was made from, as the plan of a run has them. */
function statesOf(manifest: Manifest, all: readonly Manifest[]) {
  return new Map(
    makersOf(manifest, all).flatMap(({ instance, made: [maker] }) =>
      maker === undefined
        ? []
        : [[instance, { status: "fresh", key: maker.key, manifest: maker }] as const]
    ),
  );
}

/** A table with a note that says which results it is, or is the mean of. */
function withOrigin(table: object, manifests: readonly Manifest[]): object {
  const { notes = [] } = table as { readonly notes?: readonly string[] };
  const several = manifests.length > 1 ? "s" : "";
  const origins = manifests.map(({ key, provenance: { madeAt, deno, platform, cpu } }) =>
    `${key.slice(0, 12)}, made on ${madeAt.slice(0, 10)} by Deno ${deno} (${platform}, ${cpu})`
  );
  const [{ provenance: { recipe } }] = manifests;
  const origin = `kept result${several} of recipe ${recipe}: ${origins.join("; ")}; ` +
    "what this checkout would make was not asked";
  return { ...table, notes: [...notes, origin] };
}
