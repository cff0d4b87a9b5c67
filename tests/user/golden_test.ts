/**
 * The tables of a whole small run on the reference engine, against the golden ones: tells a refactor from a change of results.
 * With DEPT_UPDATE_GOLDEN=1 the golden file is written anew.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { projectRoot } from "../support/paths.ts";

const golden = join(projectRoot, "tests/golden/tiny_reference_tables.json");
const all = "pretrain.variants=[std-t0,std-t1,glob,trim,spec,spec-opt]";
const options = ["--recipe", tinyRecipe, "--engine", "reference", "--set", all];

Deno.test("run all on tiny gives the golden tables with the reference engine", async () => {
  using folder = temporaryFolder();
  const store = ["--store", join(folder.path, "store")];
  const run = await pipeline(["run", "all", ...options, ...store]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const { code, stdout, stderr } = await pipeline([
    "table",
    "--format",
    "json",
    ...options,
    ...store,
  ]);
  assert.equal(code, 0, stderr);
  for (const { rows, artifacts } of JSON.parse(stdout)) {
    for (const { from = [], cells } of rows) {
      for (
        const name of [
          ...from,
          ...cells.flatMap((cell: { from?: string[] }) => cell.from ?? []),
        ]
      ) {
        assert.match(artifacts[name].key, /^[0-9a-f]{64}$/);
        assert.match(
          artifacts[name].from,
          /^((evaluate|finetune)\/[a-z0-9-]+\/random|ngrams\/(uni|bi|tri)gram#losses$)/,
        );
      }
    }
  }
  // Keys of artifacts change with the code.
  const tables = JSON.parse(stdout).map(({ artifacts: _, ...table }: { artifacts: unknown }) =>
    table
  );
  if (Deno.env.get("DEPT_UPDATE_GOLDEN") === "1") {
    Deno.writeTextFileSync(golden, JSON.stringify(tables, null, 2) + "\n");
  }
  assert.deepEqual(tables, JSON.parse(Deno.readTextFileSync(golden)));
});

const networks = {
  "learned positions": ["model.positions=learned", "finetune.seqLen=32"],
  "the options of GPT-NeoX": [
    "model.positions=rotary",
    "model.rotaryFraction=0.5",
    "model.parallelResidual=true",
    "model.tiedEmbeddings=false",
  ],
};

for (const [name, options] of Object.entries(networks)) {
  Deno.test(`run all takes ${name} through every stage`, () => runWith(options));
}

async function runWith(options: readonly string[]) {
  using folder = temporaryFolder();
  const run = await pipeline([
    "run",
    "all",
    "--recipe",
    tinyRecipe,
    ...[...options, "pretrain.variants=[trim,spec]"].flatMap((option) => ["--set", option]),
    "--store",
    join(folder.path, "store"),
  ]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /Bits per byte/);
}
