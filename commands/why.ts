/**
 * `why`: what an instance is made from, or why it would run: every field in which it differs from the nearest earlier
 * result. It changes nothing.
 */
import { formatBytes, formatDuration, type Json } from "../base/mod.ts";
import type { ActionRecord } from "../pipeline/key.ts";
import type { Manifest } from "../pipeline/manifest.ts";
import type { InstanceState, Nearest } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { summaryLine } from "../pipeline/store.ts";
import { differenceText } from "../pipeline/what_changed.ts";
import { parentsOf } from "./parents.ts";
import { stateJson } from "./plan_view.ts";
import { openSession } from "./session.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print } from "./screen.ts";

interface WhyOptions extends PlanOptions {
  readonly json?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("--json", "print one JSON object: keys, records, provenance")
        .addHelpText(
          "after",
          examples,
        ),
    ),
  act: why,
};

type States = ReadonlyMap<InstanceId, InstanceState>;

/** Explains targets; returns 3 when one of them would run, as `status` does. */
async function why(
  loadProject: () => Promise<Project>,
  targets: readonly string[],
  options: WhyOptions,
): Promise<number> {
  const session = await openSession(await loadProject(), options, { create: false, targets });
  const ids = session.select(targets);
  const states = await session.states(ids);
  if (options.json) {
    const explained = ids.map((id) => asJson(id, states));
    print(
      JSON.stringify({ format: 1, recipe: session.recipe.name, instances: explained }, null, 2),
    );
  } else print(ids.map((id) => asText(id, states).join("\n")).join("\n\n"));
  return ids.every((id) => states.get(id)!.status === "fresh") ? 0 : 3;
}

function asText(id: InstanceId, states: States): string[] {
  const state = states.get(id)!;
  switch (state.status) {
    case "fresh":
      return [`${id} is fresh`, ...manifestLines(state.manifest, states)];
    case "run":
      return [`${id} would run`, ...nearestLines(state.nearest, state.reason)];
    case "waiting": {
      const causes = causesOf(id, states).map(([cause, reason]) =>
        `  ${cause} must run: ${reason}`
      );
      const own = state.nearest !== undefined && state.nearest.differences.length > 0
        ? nearestLines(state.nearest, "")
        : [
          "  nothing of its own differs: if its inputs are made again with the same bytes, it is fresh",
        ];
      return [`${id} waits for what it needs`, ...causes, ...own];
    }
  }
}

function nearestLines(nearest: Nearest | undefined, reason: string): string[] {
  if (nearest === undefined) {
    return [reason === "forced" ? "  forced" : "  new: the store has no earlier result of it"];
  }
  const { manifest: { key, provenance }, differences } = nearest;
  return [
    `  nearest earlier result: ${short(key)}, made ${provenance.madeAt}`,
    ...differences.map((difference) => `  ${differenceText(difference)}`),
    ...(differences.length === 0 ? ["  nothing differs: its result is gone"] : []),
  ];
}

/** What must run first, and why: of everything that an instance needs, the instances that would run and whose inputs are known. */
function causesOf(id: InstanceId, states: States): [InstanceId, string][] {
  const causes = new Map<InstanceId, string>();
  const seen = new Set<InstanceId>();
  const visit = (id: InstanceId) => {
    if (seen.has(id)) return;
    seen.add(id);
    const state = states.get(id)!;
    if (state.status === "run") causes.set(id, state.reason);
    if (state.status === "waiting") state.on.forEach(visit);
  };
  visit(id);
  return [...causes];
}

function manifestLines(manifest: Manifest, states: States): string[] {
  const { key, record, provenance, summary, outputs, modules } = manifest;
  const { durationMs, peakMemoryBytes, bytes, flops } = provenance;
  const took = [
    formatDuration(durationMs),
    ...(peakMemoryBytes === undefined ? [] : [`${formatBytes(peakMemoryBytes)} of memory`]),
    ...(bytes === undefined ? [] : [`${formatBytes(bytes)} on disk`]),
    ...(flops === undefined ? [] : [`${flops.toPrecision(3)} FLOP`]),
  ];
  const { deno, v8, typescript, platform, cpu, device } = provenance;
  const { instructionSet = "", instructionSets = [] } = provenance;
  const runtime = [
    `deno ${deno}`,
    ...(v8 === undefined ? [] : [`v8 ${v8}`]),
    ...(typescript === undefined ? [] : [`typescript ${typescript}`]),
  ];
  const code = Object.entries(record.code).map(([role, digest]) => {
    const count = Object.keys(modules?.[role] ?? {}).length;
    return `${role} ${short(digest)}${count === 0 ? "" : ` (${count} modules)`}`;
  });
  return [
    ...field("key", [key]),
    ...field("made", [
      `${provenance.madeAt}, recipe "${provenance.recipe}", as ${manifest.instance}`,
    ]),
    ...field("took", [took.join(", ")]),
    ...field("on", [
      `${runtime.join(", ")}; ${platform} ${cpu} ${instructionSet}`.trimEnd(),
      ...(device === undefined ? [] : [device]),
      ...instructionSets.map((set, i) => `machine ${i + 1} of it: ${set || "unknown"}`),
    ]),
    ...field("result", [summaryLine(summary)]),
    ...field("parameters", parameterLines(record.params, "")),
    ...field("seeds", seedLines(record)),
    ...field(
      "inputs",
      parentsOf(manifest, states).map(({ name, from, digest }) =>
        `${name} ${short(digest)}${from === undefined ? "" : ` from ${from}`}`
      ),
    ),
    ...field("code", code),
    ...field(
      "packages",
      Object.entries(record.packages).map(([name, locked]) => `${name} ${locked.split(" ")[0]}`),
    ),
    ...field("outputs", Object.entries(outputs).map(([name, it]) => `${name} ${short(it)}`)),
  ];
}

/** A name and its values, one a line. */
function field(name: string, values: readonly string[]): string[] {
  return values.filter((value) => value !== "")
    .map((value, i) => `  ${(i === 0 ? name : "").padEnd(10)}  ${value}`);
}

function parameterLines(params: Json | undefined, path: string): string[] {
  if (typeof params === "object" && params !== null && !Array.isArray(params)) {
    return Object.entries(params as Record<string, Json | undefined>)
      .flatMap(([key, value]) => parameterLines(value, path === "" ? key : `${path}.${key}`));
  }
  return params === undefined ? [] : [`${path}: ${JSON.stringify(params)}`];
}

function seedLines({ seeds }: ActionRecord): string[] {
  return seeds === undefined ? [] : [`root ${seeds.root}: ${seeds.names.join(", ")}`];
}

function asJson(id: InstanceId, states: States) {
  const state = states.get(id)!;
  const shown = stateJson(id, state);
  switch (state.status) {
    case "fresh": {
      const { record, modules } = state.manifest;
      return { ...shown, record, inputs: parentsOf(state.manifest, states), modules };
    }
    case "run":
      return { ...shown, record: state.record };
    case "waiting": {
      const causes = causesOf(id, states).map(([instance, reason]) => ({ instance, reason }));
      return { ...shown, causes };
    }
  }
}

function short(digest: string): string {
  return digest.slice(0, 12);
}

const examples = `
Examples:
  deno task pipeline why pretrain/trim                            what made it, or what makes it run
  deno task pipeline why table/bits-random --json                 keys, records, provenance
  deno task pipeline why 'evaluate/*' --set evaluate.batchSize=8  what a change would do`;
