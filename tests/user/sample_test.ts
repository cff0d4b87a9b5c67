/**
 * The README's first command, as its user sees it: it ends, its numbers lie between the bounds that are known, and a second
 * run does nothing.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pipeline, temporaryFolder } from "../support/command_line.ts";
import type { Table } from "../../stages/report/mod.ts";

const counted = ["unigram", "bigram", "trigram", "entropy rate"];

async function tableOf(name: string, store: readonly string[]): Promise<Table> {
  const { code, stdout, stderr } = await pipeline(["table", name, "--format", "json", ...store]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout)[0];
}

/** Values of a column by row label. */
function columnOf(table: Table, heading: string): Map<string, number> {
  const at = table.columns.indexOf(heading) - 1;
  return new Map(table.rows.map((row) => [row.label, row.cells[at].value as number]));
}

Deno.test("run all on sample ends, with results between the known bounds", async (t) => {
  using folder = temporaryFolder();
  const store = ["--store", join(folder.path, "store")];
  const { code, stdout, stderr } = await pipeline(["run", "all", ...store]);
  assert.equal(code, 0, stdout + stderr);

  await t.step(
    "the best model is 15 % below the unigram and 10 % above the entropy rate, before continuation below the bigram",
    async () => {
      const bits = columnOf(await tableOf("bits-random", store), "AVG");
      const atEnd = columnOf(await tableOf("pretraining", store), "AVG");
      const unigram = bits.get("unigram")!;
      const entropy = bits.get("entropy rate")!;
      const bestOf = (table: Map<string, number>) =>
        Math.min(...[...table].filter(([label]) => !counted.includes(label)).map(([, n]) => n));
      const best = bestOf(bits);
      assert.ok(best <= 0.85 * unigram, `best ${best}, unigram ${unigram}`);
      assert.ok(bestOf(atEnd) < atEnd.get("bigram")!, `${[...atEnd].join("; ")}`);
      assert.ok(best >= 1.1 * entropy, `best ${best}, entropy rate ${entropy}`);
    },
  );

  await t.step(
    "the budget is printed with the time that was measured, which no table holds",
    async () => {
      const { stdout } = await pipeline(["table", "budget", ...store]);
      assert.match(
        stdout,
        /measured time, no result .*: none [\d.]+ m?s, .*trim (\d+ min )?[\d.]+ m?s/,
      );
      assert.ok(!JSON.stringify(await tableOf("budget", store)).includes("measured time"));
    },
  );

  await t.step("every fine-tuned score lies between chance + 10 points and 95 %", async () => {
    const table = await tableOf("downstream", store);
    for (const heading of table.columns.slice(1)) {
      const scores = columnOf(table, heading);
      const chance = scores.get("chance")!;
      const variants = [...scores.keys()].filter((label) => !/chance|ceiling|imp\./.test(label));
      assert.equal(variants.length, 4);
      for (const variant of variants) {
        const score = scores.get(variant)!;
        assert.ok(score >= chance + 0.1 && score <= 0.95, `${variant}, ${heading}: ${score}`);
      }
    }
  });

  await t.step("a second run does nothing and says so", async () => {
    let fastest = Infinity; // of three: other processes may take the cores meanwhile
    for (let attempt = 0; attempt < 3; attempt++) {
      const started = performance.now();
      const again = await pipeline(["run", "all", ...store]);
      fastest = Math.min(fastest, (performance.now() - started) / 1000);
      assert.equal(again.code, 0);
      assert.match(again.stdout + again.stderr, /nothing to do/i);
    }
    assert.ok(fastest < 1.5, `took ${fastest} s`); // 0.2 s on a quiet machine
  });
});
