/**
 * The bits per byte that the tiny recipe ends with on an engine, and those of the engine `reference` that `golden_test.ts` holds it to.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pipeline, tinyRecipe } from "./command_line.ts";
import { projectRoot } from "./paths.ts";

interface Row {
  readonly label: string;
  readonly cells: readonly { readonly value: number }[];
}

/** Runs all of the recipe; the cells of one of its tables, by row. */
export async function bitsPerByte(
  engine: string,
  precision: string,
  store: string,
): Promise<Record<string, number[]>> {
  const words = ["--recipe", tinyRecipe, "--store", store, "--engine", engine];
  const all = [...words, "--set", `engine.precision=${precision}`];
  const run = await pipeline(["run", "all", ...all]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const table = await pipeline(["table", "bits-random", "--format", "json", ...all]);
  assert.equal(table.code, 0, table.stderr);
  const [{ rows }] = JSON.parse(table.stdout) as { rows: readonly Row[] }[];
  return valuesOf(rows);
}

/** The same cells of the engine `reference`. */
export function goldenBits(): Record<string, number[]> {
  const path = join(projectRoot, "tests/golden/tiny_reference_tables.json");
  const tables: { name: string; rows: readonly Row[] }[] = JSON.parse(Deno.readTextFileSync(path));
  return valuesOf(tables.find(({ name }) => name === "bits-random")!.rows);
}

function valuesOf(rows: readonly Row[]): Record<string, number[]> {
  return Object.fromEntries(rows.map(({ label, cells }) => [label, cells.map((c) => c.value)]));
}
