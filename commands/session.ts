/**
 * The recipe, the store and the plan, which most commands open first.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError, writeFileAtomic } from "../base/mod.ts";
import { CodeDigests } from "../pipeline/code_digest.ts";
import { FileDigests } from "../pipeline/file_digests.ts";
import { expand, type Instances } from "../pipeline/instances.ts";
import { MadePrograms } from "../pipeline/made_programs.ts";
import { ObjectCheck } from "../pipeline/object_check.ts";
import { type InstanceState, Planner } from "../pipeline/plan.ts";
import { Programs } from "../pipeline/program.ts";
import { loadStudy } from "../pipeline/recipe.ts";
import type { InstanceId, SharedWork, Study } from "../pipeline/stage.ts";
import { Store } from "../pipeline/store.ts";
import { selectTargets, withNeeds } from "../pipeline/targets.ts";
import { callerFolder } from "./caller_folder.ts";
import { withSharedWork } from "./exchange_options.ts";
import { terminalLine } from "./reading_progress.ts";
import type { PlanOptions } from "./plan_options.ts";
import type { BaseRecipe, Project } from "./project.ts";
import { printError } from "./screen.ts";

export interface Session {
  readonly project: Project;
  /** As written. If it names a study, each instance has the recipe of its cell. */
  readonly recipe: BaseRecipe;
  /** As the user named it. */
  readonly storeName: string;
  readonly store: Store;
  readonly instances: Instances;
  readonly planner: Planner;
  readonly objects: ObjectCheck;
  readonly programs: Programs;
  /**
   * The instances that targets name, in the order of the plan; all if there is no target.
   * @throws UsageError as `selectTargets`
   */
  select(targets: readonly string[]): InstanceId[];
  /** The states of instances and of all that they need, in the order of the plan. @param forced These run in any case */
  states(
    ids: readonly InstanceId[],
    forced?: ReadonlySet<InstanceId>,
  ): Promise<Map<InstanceId, InstanceState>>;
  /** Keeps what was learned about files and code for the next process. */
  saveCaches(): void;
}

/** People wonder what a command does that only looks when it takes longer. */
const silentMs = 500;

export async function openSession(
  project: Project,
  options: PlanOptions,
  access: {
    readonly create: boolean;
    readonly verify?: boolean;
    /** The targets of the user: a stage may make instances for them that the recipe does not list. */
    readonly targets?: readonly string[];
    /** How parts of the work cross to other processes. */
    readonly shared?: SharedWork;
  },
): Promise<Session> {
  const store = Store.open(resolve(options.store), access);
  const check = (recipe: BaseRecipe) => isAuto(recipe) ? undefined : project.check?.(recipe);
  const asked = await loadStudyOf(project, options, check);
  const study = isAuto(asked.recipe)
    ? await loadStudyOf(
      project,
      { ...options, engine: await autoEngine(project, store, access) },
      check,
    )
    : asked;
  const { recipe } = study;
  const declared = await expanded(project, study, access.targets);
  const instances = access.shared ? withSharedWork(declared, access.shared) : declared;
  const trustsStats = access.verify !== true;
  const line = terminalLine();
  const files = new FileDigests(
    store.cachePath("files"),
    trustsStats,
    (path) => line.show(`reading ${path} for its digest`),
  );
  const objects = new ObjectCheck(store, trustsStats);
  const code = new CodeDigests(project.root, files, store.cachePath("code"));
  const planner = new Planner({ instances, recipe, store, code, files });
  const saveCaches = () => {
    objects.save();
    files.save();
    code.save();
  };
  return {
    project,
    recipe,
    storeName: options.store,
    store,
    instances,
    planner,
    objects,
    programs: new Programs(
      project.root,
      code,
      () => new MadePrograms(join(store.folder, "cache")),
    ),
    select: (targets) =>
      selectTargets(targets.length === 0 ? ["all"] : targets, instances, project.stages, recipe),
    async states(ids, forced) {
      const closure = withNeeds(ids, instances);
      const sayWhy = () => line.show("computing digests of the code, once after each change");
      const timer = setInterval(sayWhy, silentMs);
      try {
        await planner.prepare(closure);
        return planner.states(closure, forced);
      } finally {
        clearInterval(timer);
        line.wipe();
        saveCaches();
      }
    },
    saveCaches,
  };
}

/** @throws UsageError, which names the recipes that have what was asked for and this one lacks */
async function expanded(
  project: Project,
  study: Study<BaseRecipe>,
  targets: readonly string[] = [],
): Promise<Instances> {
  try {
    return expand(project.stages, study, targets);
  } catch (error) {
    const { withRecipesThatHave } = await import("./recipes_that_have.ts");
    const asked = { recipe: study.recipe, targets, error };
    const load = (recipe: string) => loadPlainRecipe(project, { recipe, store: "" });
    throw await withRecipesThatHave(project, asked, load);
  }
}

/** Whether the engine is still to be found. */
function isAuto({ engine }: BaseRecipe): boolean {
  return engine.kind === "auto";
}

/**
 * The engine that `auto` means. A command that runs something finds it again and keeps it in the store; the other commands read it
 * from there.
 */
async function autoEngine(
  project: Project,
  store: Store,
  { create }: { readonly create: boolean },
): Promise<string> {
  const path = store.cachePath("engine");
  if (!create && path !== undefined && existsSync(path)) return readFileSync(path, "utf8").trim();
  if (project.resolveEngine === undefined) {
    throw new UsageError('Cannot use engine "auto": expected the name of an engine');
  }
  const { kind, why } = await project.resolveEngine();
  if (create) {
    printError(`engine auto is ${kind}: ${why}`);
    if (path !== undefined) writeFileAtomic(path, `${kind}\n`);
  }
  return kind;
}

function loadStudyOf(
  project: Project,
  options: PlanOptions,
  check?: (recipe: BaseRecipe) => void,
): Promise<Study<BaseRecipe>> {
  const set = [...options.set ?? []];
  if (options.engine !== undefined) set.push(`engine.kind=${options.engine}`);
  if (options.threads !== undefined) set.push(`engine.threads=${options.threads}`);
  return loadStudy(options.recipe, {
    folder: project.recipes,
    schema: project.schema,
    set,
    pathKeys: project.pathKeys,
    callerFolder: callerFolder(project.root),
    check,
  });
}

/** The recipe without the overrides of its study, for commands that need no plan and no text. */
export async function loadPlainRecipe(
  project: Project,
  options: PlanOptions,
): Promise<BaseRecipe> {
  return (await loadStudyOf(project, options)).recipe;
}
