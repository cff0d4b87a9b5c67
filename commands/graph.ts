/**
 * `graph`: which instances need which others, as text, Mermaid, dot or SVG.
 */
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { asDot, asMermaid, asText, type Graph } from "./graph_text.ts";
import { oneOf } from "./option_values.ts";
import { openSession, type Session } from "./session.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print } from "./screen.ts";

interface GraphOptions extends PlanOptions {
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
        .addHelpText(
          "after",
          examples,
        ),
    ),
  act: graph,
};

const formats: Readonly<Record<string, (graph: Graph) => string | Promise<string>>> = {
  text: asText,
  mermaid: asMermaid,
  dot: asDot,
  svg: async (graph) => (await import("./graph_svg.ts")).drawSvg(graph),
};

/** Prints the graph of targets and what they need. */
async function graph(
  loadProject: () => Promise<Project>,
  targets: readonly string[],
  options: GraphOptions,
): Promise<number> {
  const format = oneOf(Object.keys(formats), "draw a graph as", options.format);
  const session = await openSession(await loadProject(), options, { create: false, targets });
  const states = await session.states(session.select(targets));
  const made = options.stages ? ofStages(states, session) : ofInstances(states, session);
  print((await formats[format](made)).trimEnd());
  return 0;
}

type States = ReadonlyMap<InstanceId, InstanceState>;

function ofInstances(states: States, { instances }: Session): Graph {
  return [...states].map(([id, { status }]) => ({
    id,
    needs: instances.get(id)!.needs,
    state: status,
  }));
}

function ofStages(states: States, { instances }: Session): Graph {
  const stageOf = (id: InstanceId) => instances.get(id)!.stage.name;
  const byStage = Map.groupBy(states.keys(), stageOf);
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

const examples = `
Examples:
  deno task pipeline graph --stages    a node for each stage
  deno task pipeline graph table/cost  what a table needs
  deno task pipeline graph --format svg > graph.svg`;
