/**
 * A whole recipe on the engine `webgpu`, in single and in half precision, ends with the tables of the engine `reference`: those
 * that `golden_test.ts` holds it to.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { engineHere, whyNoNetworks } from "../support/devices.ts";
import { projectRoot } from "../support/paths.ts";
import { assertTensorsClose } from "../support/tensors.ts";

interface Row {
  readonly label: string;
  readonly cells: readonly { readonly value: number }[];
}

const webgpu = await engineHere("webgpu"); // names the software driver to child processes
const whyNot = typeof webgpu === "string" ? webgpu : whyNoNetworks("webgpu");
const title =
  "run all on webgpu ends with the bits per byte of reference, in fp16 to half precision";
const name = whyNot === undefined ? title : `${title}: skipped: ${whyNot}`;

Deno.test({ name, ignore: whyNot !== undefined }, async () => {
  using folder = temporaryFolder();
  const single = await bitsPerByte("fp32", folder.path);
  const half = await bitsPerByte("fp16", folder.path);
  const expected = goldenBits();
  assert.deepEqual(Object.keys(single), [
    ...["unigram", "bigram", "trigram"],
    ...["std-t0", "trim", "entropy rate"],
  ]);
  for (const label of Object.keys(single)) {
    const values = expected[label];
    // Half a unit of half precision, and of single precision 16 units: networks differ by as much in one step.
    const shape = [values.length];
    assertTensorsClose(`${label}, fp32`, single[label], values, shape, { relative: 2 ** -19 });
    assertTensorsClose(`${label}, fp16`, half[label], values, shape, { relative: 2 ** -12 });
  }
  assert.notDeepEqual(half.trim, single.trim);
});

/** Runs all of the recipe; the cells of one of its tables, by row. */
async function bitsPerByte(precision: string, store: string) {
  const words = ["--recipe", tinyRecipe, "--store", store, "--engine", "webgpu"];
  const all = [...words, "--set", `engine.precision=${precision}`];
  const run = await pipeline(["run", "all", ...all]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const table = await pipeline(["table", "bits-random", "--format", "json", ...all]);
  assert.equal(table.code, 0, table.stderr);
  const [{ rows }] = JSON.parse(table.stdout) as { rows: readonly Row[] }[];
  return valuesOf(rows);
}

/** The same cells of the engine `reference`. */
function goldenBits() {
  const path = join(projectRoot, "tests/golden/tiny_reference_tables.json");
  const tables: { name: string; rows: readonly Row[] }[] = JSON.parse(Deno.readTextFileSync(path));
  return valuesOf(tables.find(({ name }) => name === "bits-random")!.rows);
}

function valuesOf(rows: readonly Row[]): Record<string, number[]> {
  return Object.fromEntries(rows.map(({ label, cells }) => [label, cells.map((c) => c.value)]));
}
