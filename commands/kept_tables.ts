/**
 * Tables as a store keeps them, whatever code made them: for results of others, and of an earlier version.
 */
import { resolve } from "node:path";
import { UsageError } from "../base/mod.ts";
import type { Manifest } from "../pipeline/manifest.ts";
import { ObjectCheck } from "../pipeline/object_check.ts";
import { Store } from "../pipeline/store.ts";
import { isNamed } from "../pipeline/targets.ts";
import { defaultRecipe } from "./plan_options.ts";
import type { Project, TableFormat } from "./project.ts";
import { tablesOf, tableStage, tablesText } from "./tables.ts";

interface Asked {
  /** Targets; none for all tables. */
  readonly targets: readonly string[];
  /** Of the run that made them; where nobody names one, the only one that the store has tables of. */
  readonly recipe: string;
  readonly store: string;
  readonly format: TableFormat;
}

/**
 * The newest result of each named table of a recipe, in the order of the names, else of the instances; each says its key and what
 * made it. Nothing is planned: data, recipe and code need not be there.
 *
 * @throws UsageError for a store that is not there, and for a name that it has no table of
 */
export async function printKeptTables(
  project: Project,
  { targets, recipe: asked, store: folder, format }: Asked,
): Promise<string> {
  const store = Store.open(resolve(folder), { create: false });
  if (!store.isThere) {
    throw new UsageError(
      `Cannot print tables of "${store.folder}": expected a store, found none there`,
    );
  }
  const all = [...store.manifests()];
  const recipe = recipeOf(all, asked);
  const newest = newestTables(all, recipe);
  const ids = [...newest.keys()].sort();
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
  const tables: object[] = [];
  for (const id of new Set(wanted)) {
    const manifest = newest.get(id)!;
    for (const table of await tablesOf(id, manifest, objects, makersOf(manifest, all), format)) {
      tables.push(withOrigin(table, manifest));
    }
  }
  return await tablesText(project, tables, format);
}

/** @param asked By the options. */
function recipeOf(all: readonly Manifest[], asked: string): string {
  const there = new Set(
    all.filter(({ record }) => record.stage === tableStage)
      .map(({ provenance }) => provenance.recipe),
  );
  const [only, ...more] = there;
  if (asked !== defaultRecipe || there.has(asked) || only === undefined) return asked;
  if (more.length === 0) return only;
  throw new UsageError(
    `Cannot print tables: expected --recipe to be one of ${
      [...there].sort().join(", ")
    }, of which the store has tables, found none`,
  );
}

/** The newest result by instance. */
function newestTables(all: readonly Manifest[], recipe: string): Map<string, Manifest> {
  const newest = new Map<string, Manifest>();
  for (const manifest of all) {
    const { instance, record, provenance } = manifest;
    if (record.stage !== tableStage || provenance.recipe !== recipe) continue;
    const other = newest.get(instance);
    if (other === undefined || other.provenance.madeAt < provenance.madeAt) {
      newest.set(instance, manifest);
    }
  }
  return newest;
}

/** The results of a store that a result was made from, by instance. */
function makersOf({ record, parents = {} }: Manifest, all: readonly Manifest[]) {
  return new Map(
    Object.entries(parents).flatMap(([name, from]) => {
      const instance = from.slice(0, from.lastIndexOf("#"));
      const maker = all.find((one) =>
        one.instance === instance && Object.values(one.outputs).includes(record.inputs[name])
      );
      if (maker === undefined) return [];
      return [[instance, { status: "fresh", key: maker.key, manifest: maker }] as const];
    }),
  );
}

function withOrigin(table: object, { key, provenance }: Manifest): object {
  const { notes = [] } = table as { readonly notes?: readonly string[] };
  const { madeAt, deno, platform, cpu, recipe } = provenance;
  const origin =
    `kept result ${key.slice(0, 12)} of recipe ${recipe}, made on ${
      madeAt.slice(0, 10)
    } by Deno ${deno} ` +
    `(${platform}, ${cpu}); what this checkout would make was not asked`;
  return { ...table, notes: [...notes, origin] };
}
