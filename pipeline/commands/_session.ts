/**
 * What every command opens first: the recipe, the store, the plan.
 */
import { resolve } from "node:path";
import { CodeDigests } from "../code_digest.ts";
import { FileDigests } from "../file_digests.ts";
import { expand, type Instances } from "../instances.ts";
import { ObjectCheck } from "../object_check.ts";
import { Planner } from "../plan.ts";
import { loadStudy } from "../recipe.ts";
import { Store } from "../store.ts";
import type { PlanOptions } from "./plan_options.ts";
import type { BaseRecipe, Project } from "./project.ts";

export interface Session {
  readonly project: Project;
  /** As written; each instance has the recipe of its cell where this names a study. */
  readonly recipe: BaseRecipe;
  /** As the user named it. */
  readonly storeName: string;
  readonly store: Store;
  readonly instances: Instances;
  readonly planner: Planner;
  readonly objects: ObjectCheck;
  /** Keeps what was learned of files and code for the next process. */
  saveCaches(): void;
}

export async function openSession(
  project: Project,
  options: PlanOptions,
  access: { readonly create: boolean; readonly verify?: boolean },
): Promise<Session> {
  const set = [...options.set ?? []];
  if (options.engine !== undefined) set.push(`engine.kind=${options.engine}`);
  if (options.threads !== undefined) set.push(`engine.threads=${options.threads}`);
  const study = await loadStudy(options.recipe, {
    folder: project.recipes,
    schema: project.schema,
    set,
    pathKeys: ["data"],
  });
  const { recipe } = study;
  for (const cell of study.cells) project.check?.(cell.recipe);
  const instances = expand(project.stages, study);
  const store = Store.open(resolve(options.store), access);
  const trustsStats = access.verify !== true;
  const files = new FileDigests(store.cachePath("files"), trustsStats);
  const objects = new ObjectCheck(store, trustsStats);
  const code = new CodeDigests(project.root, files, store.cachePath("code"));
  return {
    project,
    recipe,
    storeName: options.store,
    store,
    instances,
    planner: new Planner({ instances, recipe, store, code, files }),
    objects,
    saveCaches() {
      objects.save();
      files.save();
      code.save();
    },
  };
}
