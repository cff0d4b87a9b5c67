/**
 * `graph`: what needs what, as text, Mermaid, dot or SVG.
 */
import { didYouMean, UsageError } from "../base/mod.ts";
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { selectTargets, withNeeds } from "../pipeline/targets.ts";
import { asDot, asMermaid, asText, type Graph } from "./graph_text.ts";
import { openSession, type Session } from "./session.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";

export interface GraphOptions extends PlanOptions {
  readonly format: string;
  /** One node a stage instead of one an instance. */
  readonly stages?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("--format <format>", "text, mermaid, dot or svg", "text")
        .option("--stages", "one node a stage instead of one an instance")
        .option("-v, --verbose", "print stacks of errors"),
    ),
  act: async (project, targets: string[], options: GraphOptions) =>
    await graph(await project(), targets, options),
};

const formats: Readonly<Record<string, (graph: Graph) => string | Promise<string>>> = {
  text: asText,
  mermaid: asMermaid,
  dot: asDot,
  svg: async (graph) => (await import("./graph_svg.ts")).drawSvg(graph),
};

/** Prints the graph of targets and what they need. */
export async function graph(
  project: Project,
  targets: readonly string[],
  options: GraphOptions,
): Promise<number> {
  const names = Object.keys(formats);
  if (!Object.hasOwn(formats, options.format)) {
    throw new UsageError(
      `Cannot draw a graph as "${options.format}"${didYouMean(options.format, names)}: ` +
        `expected one of ${names.join(", ")}`,
    );
  }
  const session = await openSession(project, options, { create: false, targets });
  const { planner, instances, recipe } = session;
  const named = targets.length === 0 ? ["all"] : targets;
  const ids = withNeeds(selectTargets(named, instances, project.stages, recipe), instances);
  await planner.prepare(ids);
  const states = planner.states(ids);
  session.saveCaches();
  const made = options.stages ? ofStages(ids, states, session) : ofInstances(ids, states, session);
  console.log((await formats[options.format](made)).trimEnd());
  return 0;
}

function ofInstances(
  ids: readonly InstanceId[],
  states: ReadonlyMap<InstanceId, InstanceState>,
  { instances }: Session,
): Graph {
  return ids.map((id) => ({
    id,
    needs: instances.get(id)!.needs,
    state: states.get(id)!.status,
  }));
}

function ofStages(
  ids: readonly InstanceId[],
  states: ReadonlyMap<InstanceId, InstanceState>,
  { instances }: Session,
): Graph {
  const byStage = Map.groupBy(ids, (id) => instances.get(id)!.stage.name);
  const stageOf = (id: InstanceId) => instances.get(id)!.stage.name;
  return [...byStage].map(([stage, members]) => {
    const needs = members.flatMap((id) => instances.get(id)!.needs.map(stageOf));
    const statuses = members.map((id) => states.get(id)!.status);
    return {
      id: stage,
      needs: [...new Set(needs.filter((needed) => needed !== stage))].sort(),
      state: (["run", "waiting"] as const).find((it) => statuses.includes(it)) ?? "fresh",
      note: `×${members.length}`,
    };
  });
}
