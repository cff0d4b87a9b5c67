/**
 * `status`: what is fresh and what would run, and why. Takes no lock and changes nothing.
 */
import { formatDuration } from "../base/mod.ts";
import { placeOf, readLeases } from "../pipeline/executors/leases.ts";
import { instructionSet } from "../pipeline/instruction_set.ts";
import type { Provenance } from "../pipeline/manifest.ts";
import { type InstanceState, runText, waitingText } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { summaryLine } from "../pipeline/store.ts";
import { stateJson } from "./plan_view.ts";
import { detachedPlaces } from "./detach.ts";
import { openSession } from "./session.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print } from "./screen.ts";

interface StatusOptions extends PlanOptions {
  readonly json?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("--json", "print one JSON object")
        .addHelpText("after", examples),
    ),
  act: status,
};

/** Prints the state of targets and what they need; returns 3 when something would run. */
async function status(
  loadProject: () => Promise<Project>,
  targets: readonly string[],
  options: StatusOptions,
): Promise<number> {
  const session = await openSession(await loadProject(), options, { create: false, targets });
  const states = await session.states(session.select(targets));
  const isFresh = [...states.values()].every((state) => state.status === "fresh");
  const jobs = new Map(
    readLeases(session.store.folder).map((lease) => [lease.key, placeOf(lease)] as const),
  );
  const detached = await detachedPlaces(session.store, [...states.keys()], options);
  // Of a detached job Slurm knows more than its lease: it may wait for another node.
  const placeIn = (id: InstanceId, state: InstanceState) => {
    const own = state.status === "run" ? jobs.get(state.key) : undefined;
    return detached.get(id) ?? (own === undefined ? undefined : `at work: ${own}`);
  };
  if (options.json) {
    const instances = [...states].map(([id, state]) => {
      const place = placeIn(id, state);
      return { ...stateJson(id, state), ...(place === undefined ? {} : { place }) };
    });
    print(JSON.stringify({ format: 1, recipe: session.recipe.name, instances }, null, 2));
  } else for (const [id, state] of states) print(statusLine(id, state, placeIn(id, state)));
  return isFresh ? 0 : 3;
}

/** @param place Where a job works on it or waits, also without a run */
function statusLine(id: InstanceId, state: InstanceState, place: string | undefined): string {
  const text = place ?? details(state);
  return `${state.status.padEnd(8)} ${id.padEnd(30)}  ${text}`.trimEnd();
}

function details(state: InstanceState): string {
  switch (state.status) {
    case "fresh": {
      const { provenance, summary } = state.manifest;
      const texts = [
        `took ${formatDuration(provenance.durationMs)}`,
        summaryLine(summary),
        madeElsewhere(provenance),
      ];
      return texts.filter((text) => text !== "").join("  ");
    }
    case "run":
      return runText(state);
    case "waiting":
      return waitingText(state);
  }
}

/** Digits depend on the processor's kind: say so when a result comes from another. */
function madeElsewhere({ cpu, instructionSet: theirs }: Provenance): string {
  if (cpu !== Deno.build.arch) return `(made on ${cpu})`;
  if (theirs === undefined || theirs === instructionSet()) return "";
  return `(made with instructions ${theirs || "unknown"})`;
}

const examples = `
Examples:
  deno task pipeline status                                            every instance of the recipe
  deno task pipeline status pretrain --json
  deno task pipeline status --recipe mine.yaml --set model.dModel=128  what a change would make run`;
