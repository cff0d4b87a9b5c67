/**
 * What a run that is done says in the end: its tables, what was learnt, and what can be done next.
 */
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { withNeeds } from "../pipeline/targets.ts";
import { type PlanOptions, typedOptions } from "./plan_options.ts";
import { print } from "./screen.ts";
import { reportStage } from "./report/make.ts";
import type { Session } from "./session.ts";
import { printTables, tableStage } from "./tables.ts";

export function isTable(id: InstanceId): boolean {
  return id.startsWith(`${tableStage}/`);
}

/** Prints it, on standard output. @param named The instances that were asked for. */
export async function showEnd(
  session: Session,
  named: readonly InstanceId[],
  options: PlanOptions,
): Promise<void> {
  const { project, objects, storeName, planner } = session;
  const states = planner.states(withNeeds(named, session.instances));
  print(`Results are in ${storeName}`);
  const tables = named.filter(isTable);
  if (tables.length > 0) {
    print(`\n${await printTables(project, objects, tables, states, "text")}`);
  }
  const learnt = await learntBy(session, states);
  if (learnt !== undefined) {
    print(`\nWhat was learnt:\n${learnt.sentences.map((it) => `  ${it}\n`).join("")}`.trimEnd());
  }
  const steps = nextSteps(session, states, learnt?.best);
  if (steps.length === 0) return;
  const width = Math.max(...steps.map(([what]) => what.length));
  const lines = steps.map(([what, command]) =>
    `  ${what.padEnd(width)}  deno task pipeline ${command}${typedOptions(options)}`
  );
  print(`\nNext:\n${lines.join("\n")}`);
}

async function learntBy(
  { project, recipe, objects }: Session,
  states: ReadonlyMap<InstanceId, InstanceState>,
) {
  return await project.headline?.(recipe, async (ref) => {
    const [id, output] = ref.split("#");
    const state = states.get(id);
    if (state?.status !== "fresh") return undefined;
    return await objects.require(state.manifest.outputs[output], id);
  });
}

/** What can be done, and the command for it without its options. @param best The evaluation of the best model. */
function nextSteps(
  { instances, project, recipe }: Session,
  states: ReadonlyMap<InstanceId, InstanceState>,
  best: InstanceId | undefined,
): (readonly [what: string, command: string])[] {
  const ids = [...states.keys()];
  const hasCurves = ids.some((id) => instances.get(id)!.declaration.outputs.includes("metrics"));
  const model = best === undefined ? undefined : instances.get(best)?.inputs.get("model")?.from;
  const hasReport = project.stages.some((stage) =>
    stage.name === reportStage && stage.impossible?.(recipe, ["recipe"]) === undefined &&
    !stage.overStudy
  );
  return [
    ...(hasReport ? [["make one page of it all", "report"] as const] : []),
    ...(ids.some(isTable) ? [["print the tables again", "table"] as const] : []),
    ...(hasCurves ? [["draw losses along training", "curves"] as const] : []),
    ...(model === undefined ? [] : [
      ["let the best model write", `generate ${model}`] as const,
      ["take it to other programs", `export ${model} FOLDER`] as const,
    ]),
  ];
}
