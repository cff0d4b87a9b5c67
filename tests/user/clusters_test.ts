/**
 * Sources that nobody names: parts of the others' text, found by clustering, trained on, and compared with the given ones.
 */
import assert from "node:assert/strict";
import { readDocuments } from "../../datasets/mod.ts";
import type { FoundClusters } from "../../stages/clusters.ts";
import type { Table } from "../../stages/report/table.ts";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";

Deno.test("clusters take the place of given sources: every document is in one, and tables compare the cells", async () => {
  using folder = temporaryFolder();
  const recipe = `${folder.path}/unknown.yaml`;
  Deno.writeTextFileSync(
    recipe,
    `extends: ${tinyRecipe}
name: unknown
study:
  axes:
    sources:
      cells:
        given: {}
        clusters:
          tables: [clusters]
          sources: &parts { p1: { part: 1 }, p2: { part: 2 } }
          outOfDistribution: [arithmetic, code]
        random:
          clusters: { method: random }
          tables: [clusters]
          sources: *parts
          outOfDistribution: [arithmetic, code]
  tables: [cells-pretraining]
pretrain: { variants: [glob, spec] }
continue: { starts: [random, stitched] }
tables: []
`,
  );
  const options = ["--recipe", recipe, "--store", `${folder.path}/store`];
  const targets = ["table/study-cells-pretraining", "table/clusters*"];
  const run = await pipeline(["run", ...targets, ...options, "--quiet"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const read = async <T>(target: string, file: string): Promise<T> => {
    const { stdout } = await pipeline(["path", target, ...options]);
    return JSON.parse(Deno.readTextFileSync(`${stdout.trim()}/${file}`));
  };
  const idsOf = async (target: string) => {
    const { stdout } = await pipeline(["path", target, ...options]);
    const ids: string[] = [];
    for await (const { id } of readDocuments(stdout.trim())) ids.push(id);
    return ids;
  };

  // Arithmetic and code have no words in common, and there is as much of both: clusters are the sources.
  const found = await read<FoundClusters>("cluster/sources@sources=clusters", "clusters.json");
  const { arithmetic, code } = found.splits.train;
  assert.deepEqual(new Set(arithmetic), new Set([arithmetic[0]]));
  assert.deepEqual(new Set(code), new Set([1 - arithmetic[0]]));
  assert.deepEqual(found.agreement, { train: 1, validation: 1, test: 1 });
  const ofCode = await idsOf(`documents/p${code[0] + 1}/train@sources=clusters`);
  assert.deepEqual(ofCode, code.map((_, i) => `code/generated:${i}`));

  // By lot: each document once, in parts of equal size.
  const drawn = await Promise.all([1, 2].map((k) => idsOf(`documents/p${k}/train@sources=random`)));
  assert.equal(drawn[0].length, drawn[1].length);
  assert.equal(new Set(drawn.flat()).size, arithmetic.length + code.length);
  const lots = await read<FoundClusters>("cluster/sources@sources=random", "clusters.json");
  assert.ok(Math.abs(lots.agreement.train) < 0.2, `${lots.agreement.train}`);

  const table = await read<Table>("table/study-cells-pretraining", "table.json");
  assert.deepEqual(table.columns, ["", "sources", "mean", "arithmetic", "code", "AVG"]);
  assert.deepEqual(
    table.rows.map(({ label, cells }) => [label, cells[0].value, cells[4].value === null]),
    ["given", "clusters", "random"]
      .flatMap((cell) => ["glob", "spec"].map((id) => [id, cell, cell === "given"])),
  );
  for (const { cells } of table.rows.slice(2)) {
    const [arithmetic, code, mean] = cells.slice(2).map(({ value }) => value as number);
    assert.ok(Math.abs((arithmetic + code) / 2 - mean) < 1e-9);
  }
});

Deno.test("parts that are numbered wrongly, or whose text is trained on twice, are refused", async () => {
  const refusal = async (...set: string[]) => {
    const options = ["--recipe", tinyRecipe, ...set.flatMap((one) => ["--set", one])];
    const { code, stderr } = await pipeline(["run", "cluster", "--dry-run", ...options]);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  assert.match(
    await refusal("sources.p1={part: 1}"),
    /expected outOfDistribution to hold out every source .* found that "arithmetic" is not/,
  );
  assert.match(
    await refusal("sources.p1={part: 2}", "outOfDistribution=[arithmetic, code]"),
    /expected sources\.p1\.part to number the parts from 1 to 1, each once, found 2/,
  );
});
