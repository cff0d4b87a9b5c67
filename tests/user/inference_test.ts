/**
 * SPEC without a source's name: stitched, routed, and `generate --source auto`, from the command line.
 */
import assert from "node:assert/strict";
import { readStatistics } from "../../datasets/mod.ts";
import type { Table } from "../../stages/report/table.ts";
import { readCheckpoint } from "../../training/mod.ts";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";

const token = "embedding.token.weight";

Deno.test("a model of SPEC is used without naming a source: stitched, continued, routed", async () => {
  using folder = temporaryFolder();
  const set = [
    "pretrain.variants=[spec,spec-opt]",
    "continue.starts=[random,stitched]",
    "outOfDistribution=[held]",
    "sources.held={generator: arithmetic, documents: {train: 20, validation: 12}}",
  ];
  const options = ["--recipe", tinyRecipe, "--store", `${folder.path}/store`];
  for (const one of set) options.push("--set", one);
  const targets = ["table/inference", "table/routing", "evaluate/spec-opt/pretraining"];
  const run = await pipeline(["run", ...targets, ...options, "--quiet"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const folderOf = async (target: string) =>
    (await pipeline(["path", target, ...options])).stdout.trim();
  const json = async (target: string, file: string) =>
    JSON.parse(Deno.readTextFileSync(`${await folderOf(target)}/${file}`));

  // The table is what Σ c_kj ϕ^k[j] / Σ c_kj gives, written once more from the files.
  const sources = ["arithmetic", "code"];
  const { groups } = readCheckpoint(await folderOf("pretrain/spec#best"));
  const stitched = readCheckpoint(await folderOf("stitch/spec#model")).groups.model[token];
  const parts = await Promise.all(sources.map(async (source) => {
    const { counts } = readStatistics(await folderOf(`tokenize/${source}/global#statistics`));
    const rows = [...counts.keys()].filter((id) => id < 263 || counts[id] > 0); // V_k
    return { counts, rows, table: groups[`local-${source}`][token] };
  }));
  const [vocabSize, width] = stitched.shape;
  let seen = 0;
  for (let id = 0; id < vocabSize; id++) {
    const total = parts.reduce((sum, { counts }) => sum + counts[id], 0);
    if (total === 0) continue;
    seen++;
    for (let j = 0; j < width; j++) {
      const sum = parts.reduce((sum, { counts, rows, table }) => {
        const row = rows.indexOf(id);
        return row < 0 ? sum : sum + counts[id] * table.data[row * width + j];
      }, 0);
      assert.ok(Math.abs(stitched.data[id * width + j] - sum / total) < 1e-6);
    }
  }
  assert.ok(seen > 30 && seen < vocabSize);

  // All texts are told apart, so what was routed is what their own tables say.
  const { tables, sources: went } = await json("route/spec-opt#routing", "routing.json");
  assert.deepEqual(tables, sources);
  assert.deepEqual([went.arithmetic.documents, went.code.documents], [[12, 0], [0, 12]]);
  assert.deepEqual(went.held.documents, [12, 0], "its text is made by the same rules");
  const routed = await json("route/spec-opt#routed", "summary.json");
  const own = await json("route/spec-opt#own", "summary.json");
  const evaluated = await json("evaluate/spec-opt/pretraining#losses", "summary.json");
  for (const source of sources) {
    assert.deepEqual(routed.sources[source].lossNats, own.sources[source].lossNats);
    // An own tokenizer knows all of its source's text: the protocol and the tokens are those of `evaluate`.
    const { lossNats, tokens, bytes } = evaluated.sources[source];
    assert.deepEqual(own.sources[source].tokens, tokens);
    assert.deepEqual(own.sources[source].bytes, bytes);
    assert.ok(Math.abs(own.sources[source].lossNats / lossNats - 1) < 1e-6);
  }

  const table = await json("table/inference#table", "table.json") as Table;
  assert.deepEqual(
    table.rows.map(({ label }) => label),
    ["spec", "spec-opt"].flatMap((id) =>
      ["random, continued", "stitched", "stitched, continued", "routed", "true source"]
        .map((way) => `${id}: ${way}`)
    ),
  );
  const auto = await pipeline([
    ...["generate", "pretrain/spec", "--source", "auto", "--prompt", "3 + 4 =", "--tokens", "3"],
    ...options,
  ]);
  assert.equal(auto.code, 0, auto.stderr);
  assert.match(auto.stderr, /note: source arithmetic/);
});

Deno.test("what cannot be stitched says why", async () => {
  using folder = temporaryFolder();
  const options = ["--recipe", tinyRecipe, "--store", `${folder.path}/store`];
  const table = await pipeline(["run", "table/inference", ...options]);
  assert.equal(table.code, 2);
  assert.match(
    table.stderr,
    /expected "stitched" among continue.starts, found random; run with --set continue.starts=\[random,stitched\]/,
  );
  const variant = await pipeline(["run", "stitch/trim", ...options]);
  assert.equal(variant.code, 2);
  assert.match(variant.stderr, /trim ends with a global embedding: there is nothing to stitch/);
});
