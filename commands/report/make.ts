/**
 * The data of a report: the stage's own result where everything is made, else what the same stage makes of what is there.
 */
import { join } from "node:path";
import { StageError, UsageError } from "../../base/mod.ts";
import { silentLog, type StageContext } from "../../pipeline/stage.ts";
import type { InstanceState } from "../../pipeline/plan.ts";
import type { InstanceId } from "../../pipeline/stage.ts";
import type { Page } from "../../stages/page/mod.ts";
import type { Session } from "../session.ts";

/** The stage whose instances are reports; each has one output with a file `report.json`. */
export const reportStage = "report";

type States = ReadonlyMap<InstanceId, InstanceState>;

/** The stored result. @throws StageError for what is none: an archive of others may hold anything */
export async function storedPage(
  { objects }: Session,
  id: InstanceId,
  states: States,
): Promise<Page> {
  const state = states.get(id)!;
  if (state.status !== "fresh") {
    throw new StageError(`Cannot read ${id}: expected its result, found none`);
  }
  const folder = await objects.require(state.manifest.outputs[reportStage], id);
  return readPage(join(folder, "report.json"), id);
}

/** Makes it in this process, of the results that are there, and keeps nothing. */
export async function partialPage(session: Session, id: InstanceId, states: States): Promise<Page> {
  const { instances, objects } = session;
  const { declaration, inputs, stage } = instances.get(id)!;
  const folders: Record<string, string> = {};
  for (const [name, { from, output }] of inputs) {
    const state = states.get(from);
    if (state?.status !== "fresh") continue;
    folders[name] = await objects.require(state.manifest.outputs[output], from);
  }
  const modules: Record<string, unknown> = {};
  for (const [role, url] of Object.entries(declaration.uses)) modules[role] = await import(url);
  const { run } = await import(stage.module);
  const folder = Deno.makeTempDirSync({ prefix: "dept-report-" });
  try {
    const context: StageContext = {
      params: declaration.params,
      hints: {},
      inputs: folders,
      files: {},
      outputs: { [reportStage]: folder },
      checkpointFolder: folder,
      seed: () => {
        throw new RangeError("Cannot give a seed: a report declares none");
      },
      modules,
      moduleUrls: declaration.uses as Record<string, string>,
      log: silentLog,
      signal: new AbortController().signal,
    };
    await run(context);
    return readPage(join(folder, "report.json"), id);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function readPage(path: string, id: InstanceId): Page {
  let page: Page | undefined;
  try {
    page = JSON.parse(Deno.readTextFileSync(path));
  } catch { /* said below */ }
  if (page?.format === 1) return page;
  throw new StageError(`Cannot show ${id}: expected a report of format 1, found other data`);
}

/** The report that a user means: that of the study where the recipe has one, else that of the recipe. */
export function reportOf(
  { instances, project, recipe }: Session,
  name: string | undefined,
): InstanceId {
  const known = [...instances.keys()].filter((id) => id.startsWith(`${reportStage}/`));
  const asked = name === undefined ? undefined : `${reportStage}/${name}`;
  const found = asked === undefined
    ? known.find((id) => id === `${reportStage}/study`) ?? known[0]
    : known.find((id) => id === asked);
  if (found !== undefined) return found;
  if (known.length === 0) {
    const why = project.stages.find(({ name }) => name === reportStage)?.impossible;
    throw new UsageError(
      `Cannot make a report: ${why?.(recipe, ["recipe"]) ?? `"${recipe.name}" has none`}`,
    );
  }
  throw new UsageError(
    `Cannot make report "${name}" of "${recipe.name}": expected one of ${
      known.map((id) => id.slice(reportStage.length + 1)).join(", ")
    }`,
  );
}
