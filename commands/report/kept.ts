/**
 * A report of what a store keeps of a recipe, whatever code made it: for results of others, and of an earlier version.
 */
import { resolve } from "node:path";
import { StageError, UsageError } from "../../base/mod.ts";
import type { InstanceState } from "../../pipeline/plan.ts";
import type { InstanceId } from "../../pipeline/stage.ts";
import { Store } from "../../pipeline/store.ts";
import { withNeeds } from "../../pipeline/targets.ts";
import { newestOf } from "../kept_seeds.ts";
import { keptRecipe } from "../kept_tables.ts";
import type { PlanOptions } from "../plan_options.ts";
import type { Project } from "../project.ts";
import { loadPlainRecipe, openSession, type Session } from "../session.ts";
import { reportStage } from "./make.ts";

const targets = [`${reportStage}/study`, `${reportStage}/recipe`];

/**
 * The recipe as this checkout has it, with the tables and figures that the store keeps of it; data need not be there.
 * @throws UsageError for a store that is not there, and where nobody can tell which recipe is meant
 */
export async function openKept(project: Project, options: PlanOptions): Promise<Session> {
  const store = Store.open(resolve(options.store), { create: false });
  if (!store.isThere) {
    throw new UsageError(
      `Cannot make a report of "${options.store}": expected a store, found none there`,
    );
  }
  const all = [...store.manifests()];
  const asked = { ...options, recipe: keptRecipe(all, options.recipe) };
  const { name } = await loadPlainRecipe(project, asked);
  const namesOf = (stage: string) => {
    const own = all.filter(({ record, provenance, instance }) =>
      record.stage === stage && provenance.recipe === name && !/@|^\w+\/study-/.test(instance)
    );
    return [...new Set(own.map(({ instance }) => instance.slice(stage.length + 1)))].sort();
  };
  const lists = ["table", "figure"].map((stage) => `${stage}s=${JSON.stringify(namesOf(stage))}`);
  const access = { create: false, targets };
  try {
    return await openSession(project, { ...asked, set: [...options.set ?? [], ...lists] }, access);
  } catch (error) {
    // One of them has gone from this checkout: then those of its recipe are shown.
    if (error instanceof UsageError) return await openSession(project, asked, access);
    throw error;
  }
}

/** The newest result of each instance that a report needs, whatever its key. @throws StageError if there is none */
export function keptStates(
  { store, storeName, recipe, instances }: Session,
  id: InstanceId,
): Map<InstanceId, InstanceState> {
  const own = [...store.manifests()].filter(({ provenance }) => provenance.recipe === recipe.name);
  const results = Map.groupBy(own, ({ instance }) => instance);
  const states = new Map(
    withNeeds([id], instances).map((needed): [InstanceId, InstanceState] => {
      const made = results.get(needed);
      if (made === undefined) return [needed, { status: "waiting", on: [] }];
      const manifest = newestOf(made);
      return [needed, { status: "fresh", key: manifest.key, manifest }];
    }),
  );
  if ([...states.values()].some(({ status }) => status === "fresh")) return states;
  throw new StageError(
    `Cannot make a report: expected results of "${recipe.name}" in ${storeName}, found none`,
  );
}
