/**
 * `diff`: what a side is, and what is printed of two.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Side } from "../../commands/compared_sides.ts";
import { comparisonTables, type Pair } from "../../commands/comparison.ts";
import { actionKey, type ActionRecord } from "../../pipeline/key.ts";
import { listAndSync } from "../../pipeline/listing.ts";
import { type Manifest, provenance, sealed } from "../../pipeline/manifest.ts";
import { ObjectCheck } from "../../pipeline/object_check.ts";
import { Store } from "../../pipeline/store.ts";
import { formatTable, type Table } from "../../stages/report/mod.ts";
import { toyHere } from "../support/captured.ts";
import { evaluations } from "../support/evaluations.ts";
import { filesIn, finishedStore, inTemporaryFolder, toy } from "../support/toy_cli.ts";

const digest = (digit: string) => digit.repeat(64);

/** Keeps a result in a store, as a run does. */
function keep(
  store: Store,
  instance: string,
  { folder, inputs = {}, params = {}, summary = {}, output = "losses" }: {
    readonly folder: string;
    readonly inputs?: ActionRecord["inputs"];
    readonly params?: ActionRecord["params"];
    readonly summary?: Manifest["summary"];
    readonly output?: string;
  },
): Manifest {
  const [stage] = instance.split("/");
  const record = { format: 1, stage, code: {}, packages: {}, params, inputs } as const;
  const manifest = sealed({
    format: 1,
    key: actionKey(record),
    instance,
    record,
    outputs: { [output]: store.publishObject(folder, listAndSync(folder, output)) },
    summary,
    provenance: provenance("tiny", { durationMs: 1 }),
  });
  store.writeManifest(manifest);
  return manifest;
}

function sideOf(store: Store, manifests: readonly Manifest[]): Side {
  const results = new Map(manifests.map((manifest) => [manifest.instance, manifest]));
  return { title: "", objects: new ObjectCheck(store, true), results, missing: 0 };
}

/** The text of tables, by name, without their titles and notes. */
function rowsOf(tables: readonly Table[]): Record<string, string[]> {
  return Object.fromEntries(
    tables.map((table) => [
      table.name,
      formatTable(table, "text").split("\n").slice(4, 4 + table.rows.length)
        .map((line) => line.replace(/ {2,}/g, " | ")),
    ]),
  );
}

Deno.test("comparisonTables() has parameters, metrics, paired losses and the cells of tables that differ", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = Store.open(join(folder, "store"), { create: true });
    const made = evaluations(folder, { first: [20, 20, 20], second: [16, 22, 20] });
    const tableOf = (name: string, value: number, half: number) => {
      const path = join(folder, name);
      Deno.mkdirSync(path);
      const cells = [{ value, text: value.toFixed(1), low: value - half, high: value + half }, {
        value: 7,
      }];
      const table = { name: "bits", title: "Bits", columns: ["", "aa", "bb"], notes: [] };
      Deno.writeTextFileSync(
        join(path, "table.json"),
        JSON.stringify({ ...table, rows: [{ label: "trim", cells }] }),
      );
      return path;
    };
    const side = (label: string, steps: number, table: string) =>
      sideOf(store, [
        keep(store, "continue/trim/random", {
          folder: tableOf(`model-${label}`, steps, 0), // any bytes of its own
          params: { steps, inner: { clipNorm: 1 } },
          summary: { lossNatsLast: steps / 100, microBatchSize: 4 },
          output: "model",
        }),
        keep(store, "evaluate/trim/random", {
          folder: made[`losses/${label}`],
          inputs: {
            model: digest(label === "first" ? "a" : "b"),
            ...Object.fromEntries(
              ["aa", "bb", "cc"].map((source) => [`test/${source}`, digest("c")]),
            ),
          },
        }),
        keep(store, "table/bits", { folder: table, params: { steps }, output: "table" }),
      ]);
    const before = side("first", 100, tableOf("table-1", 5, 0.3));
    const after = side("second", 250, tableOf("table-2", 4, 0.4));
    const pairs = [...before.results].map(([label, one]): Pair => ({
      label,
      before: one,
      after: after.results.get(label)!,
    }));
    const tables = await comparisonTables({ before, after, pairs, bySource: false });
    assert.deepEqual(rowsOf(tables), {
      parameters: ["steps | 100 | 250 | continue/trim/random, table/bits"],
      metrics: ["continue/trim/random lossNatsLast | 1 | 2.5 | +1.5"],
      // Nats of 40 bytes: 20 and 58 / 3 of three sources; −2/3 in every resample.
      losses: ["evaluate/trim/random mean of 3 | 0.721 | 0.697 | −0.024±0.000*"],
      "table/bits": ["trim · aa | 5.0 | 4.0 | −1.000±0.500*"], // √(0.3² + 0.4²)
    });
    const bySource = await comparisonTables({ before, after, pairs: [pairs[1]], bySource: true });
    assert.deepEqual(rowsOf(bySource).losses, [
      "evaluate/trim/random aa | 0.721 | 0.577 | −0.144±0.000*",
      "evaluate/trim/random bb | 0.721 | 0.793 | +0.072±0.000*",
      "evaluate/trim/random cc | 0.721 | 0.721 | +0.000±0.000",
      "evaluate/trim/random mean of 3 | 0.721 | 0.697 | −0.024±0.000*",
    ]);
  });
});

Deno.test("diff: runs, stores, recipes and instances are compared; looking writes nothing", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    await finishedStore(store);
    const longer = await toy(store, "run", "--set", "steps=9");
    assert.equal(longer.code, 0, longer.stderr);
    await toyHere(store, ["status"]); // which keeps digests
    const before = filesIn(store);
    const runs = await toyHere(store, ["diff", "1", "2"]);
    assert.equal(runs.stderr, "");
    assert.match(
      runs.stdout,
      /^before {2}run 1, \d{4}-\d\d-\d\d \d\d:\d\d: toy\nafter {3}run 2, .*: toy steps=9\n/,
    );
    assert.match(runs.stdout, /\n7 results are on both sides: 2 the same, 5 differ\n/); // words are
    assert.match(
      runs.stdout,
      /\nsteps +8 +9 {2}walk\/a\/left, walk\/a\/right, walk\/b\/left and 1 more\n/,
    );
    assert.match(runs.stdout, /\nwalk\/a\/left steps +8 +9 +\+1\n/);

    const json = await toyHere(store, ["diff", "1", store, "walk/a", "--format", "json"]);
    const { tables, same, onlyBefore } = JSON.parse(json.stdout);
    assert.deepEqual([same, onlyBefore], [[], []]);
    assert.deepEqual(tables.map(({ name }: Table) => name), ["parameters", "metrics"]);
    assert.deepEqual(tables[0].rows.length, 1);

    const recipe = await toyHere(store, ["diff", "2", "toy"]); // as the recipe stands
    assert.match(recipe.stdout, /\nafter {3}recipe toy\n[^]*\nsteps +9 +8 {2}walk/);
    const instances = await toyHere(store, [
      "diff",
      "walk/a/left",
      "walk/b/left",
      "--format",
      "markdown",
    ]);
    assert.match(instances.stdout, /^before {2}walk\/a\/left of recipe toy {2}\n/);
    assert.match(instances.stdout, /\| walk last \| .* \| .* \| [+−]\d+ \|/);
    const one = await toyHere(store, ["diff", "2", "walk/a/left"]);
    assert.match(one.stdout, /\n1 result is on both sides: 0 the same, 1 differs\n/);
    assert.deepEqual(filesIn(store), before, "looking writes nothing");

    const refused = async (...args: string[]) => {
      const { code, stderr } = await toyHere(store, ["diff", ...args]);
      assert.equal(code, 2, stderr);
      return stderr;
    };
    assert.match(
      await refused("1", "3"),
      /Cannot compare run 3: expected one that ".*" knows, found 1 to 2; runs lists them/,
    );
    assert.match(
      await refused("1", "toyy"),
      /Cannot compare "toyy".*: expected the number of a run/,
    );
    assert.match(
      await refused("walk/a/left", "words/a"),
      /expected two results of one stage, found walk and words/,
    );
    assert.match(
      await refused("walk", "1"),
      /Cannot compare "walk": expected one instance, found 4/,
    );
    assert.match(
      await refused("1", "2", "nothing"),
      /expected results of the same instances, found none/,
    );
  });
});
