/**
 * Finished tables as text.
 */
import { join } from "node:path";
import { formatDuration, StageError } from "../base/mod.ts";
import type { ObjectCheck } from "../pipeline/object_check.ts";
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import type { Manifest } from "../pipeline/manifest.ts";
import { durationMsOf, parentsOf } from "./parents.ts";
import type { Project, TableFormat } from "./project.ts";

/** The stage whose instances are tables; each has one output with a file `table.json`. */
export const tableStage = "table";

/**
 * Tables of fresh instances, one after another; JSON as one list, CSV under one header.
 * @throws StageError for an instance that is not fresh, and for a file that is no table
 */
export async function printTables(
  project: Project,
  objects: ObjectCheck,
  ids: readonly InstanceId[],
  states: ReadonlyMap<InstanceId, InstanceState>,
  format: TableFormat,
): Promise<string> {
  const tables: unknown[] = [];
  for (const id of ids) {
    const state = states.get(id)!;
    if (state.status !== "fresh") {
      throw new StageError(`Cannot print ${id}: expected its result, found none; run it`);
    }
    tables.push(...await tablesOf(id, state.manifest, objects, states, format));
  }
  return tablesText(project, tables, format);
}

/** What a result of the stage holds, with what is said beside it in a format. @throws StageError as `printTables` */
export async function tablesOf(
  id: InstanceId,
  manifest: Manifest,
  objects: ObjectCheck,
  states: ReadonlyMap<InstanceId, InstanceState>,
  format: TableFormat,
): Promise<object[]> {
  const tables: object[] = [];
  for (const digest of Object.values(manifest.outputs)) {
    const table = readTable(join(await objects.require(digest, id), "table.json"), id);
    tables.push(
      format === "json"
        ? { ...table, artifacts: artifactsOf(manifest, states) }
        : withTimes(table, manifest, states),
    );
  }
  return tables;
}

/** @throws StageError for a file that is no JSON object: an archive of others may hold anything */
function readTable(path: string, id: InstanceId): object {
  let table: unknown;
  try {
    table = JSON.parse(Deno.readTextFileSync(path));
  } catch {
    table = undefined;
  }
  if (typeof table === "object" && table !== null) return table;
  throw new StageError(`Cannot print ${id}: expected a table in "${path}", found none`);
}

/** What of a table's own data is needed to print times. */
interface TimedTable {
  readonly timedInputs?: string;
  readonly notes?: readonly string[];
}

/**
 * A table whose data asks for it with a note of how long its inputs took: of the machines that made them, so no result, and in no
 * table that is kept.
 */
function withTimes(
  table: TimedTable,
  manifest: Manifest,
  states: ReadonlyMap<InstanceId, InstanceState>,
): object {
  const { timedInputs } = table;
  if (timedInputs === undefined) return table;
  const times = parentsOf(manifest, states).flatMap(({ name, from }) => {
    if (!name.startsWith(`${timedInputs}/`)) return [];
    const durationMs = durationMsOf(from, states);
    if (durationMs === undefined) return [];
    return [`${name.slice(timedInputs.length + 1)} ${formatDuration(durationMs)}`];
  });
  if (times.length === 0) return table;
  const note = `measured time, no result (it is of the machine that was busy with it): ${
    times.join(", ")
  }`;
  return { ...table, notes: [...table.notes ?? [], note] };
}

/** What a table is made from, by the names that its rows and cells use: who made it, under which key, and its digest. */
function artifactsOf(manifest: Manifest, states: ReadonlyMap<InstanceId, InstanceState>) {
  return Object.fromEntries(
    parentsOf(manifest, states).map(({ name, ...artifact }) => [name, artifact]),
  );
}

/** Tables as text in a format. */
export async function tablesText(
  project: Project,
  tables: readonly unknown[],
  format: TableFormat,
): Promise<string> {
  const texts: string[] = [];
  for (const table of tables) texts.push((await project.formatTable(table, format)).trimEnd());
  if (format === "json") return `[${texts.join(",\n")}]`;
  if (format === "csv") {
    return texts.map((text, i) => i === 0 ? text : withoutHeader(text)).join("\n");
  }
  return texts.join("\n\n");
}

function withoutHeader(csv: string): string {
  return csv.slice(csv.indexOf("\n") + 1);
}
