/**
 * What a user means by one side of a comparison: a run by its number, a store, a recipe, or an instance.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { didYouMean, UsageError } from "../base/mod.ts";
import type { Manifest } from "../pipeline/manifest.ts";
import { ObjectCheck } from "../pipeline/object_check.ts";
import { recipeNames } from "../pipeline/recipe.ts";
import { type PastRun, pastRun, pastRuns } from "../pipeline/run_history.ts";
import { readRunRecords } from "../pipeline/run_records.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { Store } from "../pipeline/store.ts";
import type { PlanOptions } from "./plan_options.ts";
import type { BaseRecipe, Project } from "./project.ts";
import { identityText, timeText } from "./run_texts.ts";
import { openSession } from "./session.ts";

export interface Side {
  /** `run 3 of 2026-01-31 14:05: sample`. */
  readonly title: string;
  readonly objects: ObjectCheck;
  /** Results that are there, by instance. */
  readonly results: ReadonlyMap<InstanceId, Manifest>;
  /** Instances whose result is not there. */
  readonly missing: number;
  /** The one instance that is meant; then `results` has also what it is made from. */
  readonly only?: InstanceId;
  /** Where a recipe was named. */
  readonly recipe?: BaseRecipe;
}

/** @throws UsageError for a name that is none of them */
export async function sideOf(project: Project, name: string, options: PlanOptions): Promise<Side> {
  if (/^\d+$/.test(name)) return runSide(Number(name), options);
  if (existsSync(join(name, "format"))) return storeSide(name);
  if (/\.ya?ml$/.test(name) || recipeNames(project.recipes).includes(name)) {
    return await plannedSide(project, { ...options, recipe: name });
  }
  return await plannedSide(project, options, name);
}

function runSide(number: number, { store: folder }: PlanOptions): Side {
  const store = Store.open(resolve(folder), { create: false });
  const run = pastRun(store, number);
  if (run !== undefined) return sideOfRun(run, store, "");
  const known = pastRuns(store).map((one) => one.number);
  throw new UsageError(
    `Cannot compare run ${number}: expected one that "${folder}" knows, found ${
      known.length === 0 ? "that it knows none" : `${known.at(-1)} to ${known[0]}`
    }; runs lists them`,
  );
}

function sideOfRun(run: PastRun, store: Store, where: string): Side {
  const { number, at, identity, keys } = run;
  return {
    title: `run ${number}${where}, ${timeText(at)}: ${identityText(identity)}`,
    ...resultsOf(store, [...keys.values()]),
  };
}

/** The newest run of a store; of one that only has taken results from elsewhere, all of them. */
function storeSide(folder: string): Side {
  const store = Store.open(resolve(folder), { create: false });
  const [run] = pastRuns(store, 1);
  if (run !== undefined) return sideOfRun(run, store, ` of ${folder}`);
  const [record] = readRunRecords(store);
  return {
    title: `store ${folder}${record === undefined ? "" : `: ${record.identity.recipe}`}`,
    ...resultsOf(store, record === undefined ? [] : [...record.keys.values()]),
  };
}

function resultsOf(store: Store, keys: readonly string[]) {
  const found = keys.map((key) => store.find(key)).filter((manifest) => manifest !== undefined);
  return {
    objects: new ObjectCheck(store, true),
    results: new Map(found.map((manifest) => [manifest.instance, manifest])),
    missing: keys.length - found.length,
  };
}

/** Results that a recipe describes as it stands. @param target One instance, else all. */
async function plannedSide(
  project: Project,
  options: PlanOptions,
  target?: string,
): Promise<Side> {
  const targets = target === undefined ? [] : [target];
  const session = await openSession(project, options, { create: false, targets }).catch((error) => {
    throw target === undefined ? error : unknown(project, target, error);
  });
  const ids = selected(project, () => session.select(targets), target);
  const states = await session.states(ids);
  const results = new Map<InstanceId, Manifest>();
  for (const [id, state] of states) if (state.status === "fresh") results.set(id, state.manifest);
  const common = { objects: session.objects, results };
  if (target === undefined) {
    const { recipe } = session;
    const missing = states.size - results.size;
    return { ...common, title: `recipe ${options.recipe}`, missing, recipe };
  }
  const [only] = ids;
  if (ids.length > 1) {
    throw new UsageError(
      `Cannot compare "${target}": expected one instance, found ${ids.length}; ` +
        `compare recipes, stores or runs and name it behind them`,
    );
  }
  return {
    ...common,
    title: `${only} of recipe ${options.recipe}`,
    missing: results.has(only) ? 0 : 1,
    only,
  };
}

function selected(project: Project, select: () => InstanceId[], target?: string): InstanceId[] {
  try {
    return select();
  } catch (error) {
    throw target === undefined ? error : unknown(project, target, error);
  }
}

/** What could be meant by a name that is no instance. */
function unknown(project: Project, name: string, error: unknown): unknown {
  if (!(error instanceof UsageError)) return error;
  const stages = project.stages.map((stage) => stage.name);
  if (stages.includes(name.split("/")[0])) return error; // which says what is wrong with it
  return new UsageError(
    `Cannot compare "${name}"${
      didYouMean(name, [...recipeNames(project.recipes), ...stages])
    }: expected the number of a run, the folder of a store, a recipe or an instance`,
    { cause: error },
  );
}
