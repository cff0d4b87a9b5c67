/**
 * `table`: prints tables from what the store has.
 */
import { didYouMean, UsageError } from "../base/mod.ts";
import { isNamed, withNeeds } from "../targets.ts";
import type { InstanceState } from "../plan.ts";
import type { InstanceId } from "../stage.ts";
import { openSession, type Session } from "./_session.ts";
import { printTables, tableStage } from "./_tables.ts";
import { type PlanOptions, typedOptions } from "./plan_options.ts";
import { type Project, type TableFormat, tableFormats } from "./project.ts";
import { run } from "./run.ts";

export interface TableOptions extends PlanOptions {
  readonly format: string;
}

/**
 * Prints the named tables, or all of the recipe. A table whose inputs are all there is made on the spot: it is cheap.
 *
 * @throws UsageError for an unknown name, and when something else would have to run first.
 */
export async function table(
  project: Project,
  names: readonly string[],
  options: TableOptions,
): Promise<number> {
  const format = formatOf(options.format);
  const session = await openSession(project, options, { create: false });
  const ids = tableIds(names, session);
  let states = await statesOf(ids, session);
  const missing = [...states].filter(([, state]) => state.status !== "fresh").map(([id]) => id);
  const expensive = missing.filter((id) => !ids.includes(id));
  if (expensive.length > 0) throw new UsageError(whatToRun(names, expensive, options));
  if (missing.length > 0) {
    const code = await run(project, missing, { ...options, only: true, quiet: true, wait: true });
    if (code !== 0) return code;
    states = await statesOf(ids, session);
  }
  const digests = ids.flatMap((id) => {
    const state = states.get(id)!;
    return state.status === "fresh" ? Object.values(state.manifest.outputs) : [];
  });
  console.log(await printTables(project, session.objects, digests, format));
  return 0;
}

async function statesOf(
  ids: readonly InstanceId[],
  { planner, instances, saveCaches }: Session,
): Promise<Map<InstanceId, InstanceState>> {
  const closure = withNeeds(ids, instances);
  await planner.prepare(closure);
  const states = planner.states(closure);
  saveCaches();
  return states;
}

function tableIds(names: readonly string[], { instances, recipe }: Session): InstanceId[] {
  const all = [...instances.keys()].filter((id) => id.startsWith(`${tableStage}/`));
  if (all.length === 0) {
    throw new UsageError(`Cannot print a table: recipe "${recipe.name}" asks for none`);
  }
  return names.length === 0 ? all : names.flatMap((name) => {
    const target = name.startsWith(`${tableStage}/`) ? name : `${tableStage}/${name}`;
    const found = all.filter((id) => isNamed(id, target));
    if (found.length > 0) return found;
    const known = all.map((id) => id.slice(tableStage.length + 1));
    throw new UsageError(
      `Cannot print table "${name}"${didYouMean(name, known)}: ` +
        `recipe "${recipe.name}" has ${known.join(", ")}`,
    );
  });
}

function whatToRun(
  names: readonly string[],
  missing: readonly InstanceId[],
  options: TableOptions,
): string {
  const targets = names.map((name) => ` ${tableStage}/${name}`).join("");
  const some = missing.slice(0, 3).join(", ") +
    (missing.length > 3 ? ` and ${missing.length - 3} more` : "");
  return `Cannot print ${names.length === 0 ? "the tables" : names.join(", ")}: ` +
    `${some} must run first; do: deno task pipeline run${targets}${typedOptions(options)}`;
}

function formatOf(format: string): TableFormat {
  const known = tableFormats.find((known) => known === format);
  if (known !== undefined) return known;
  throw new UsageError(
    `Cannot print a table as "${format}"${didYouMean(format, tableFormats)}: ` +
      `expected one of ${tableFormats.join(", ")}`,
  );
}
