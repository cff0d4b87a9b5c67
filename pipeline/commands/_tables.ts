/**
 * Finished tables as text.
 */
import { join } from "node:path";
import type { ObjectCheck } from "../object_check.ts";
import type { Project, TableFormat } from "./project.ts";

/** The stage whose instances are tables; each has one output with a file `table.json`. */
export const tableStage = "table";

/** The tables of objects, one after another; JSON as one list, CSV under one header. */
export async function printTables(
  project: Project,
  objects: ObjectCheck,
  digests: readonly string[],
  format: TableFormat,
): Promise<string> {
  const tables: unknown[] = [];
  for (const digest of digests) {
    const folder = await objects.require(digest, tableStage);
    tables.push(JSON.parse(Deno.readTextFileSync(join(folder, "table.json"))));
  }
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
