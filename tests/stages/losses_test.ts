/**
 * What tables of losses say beside their rows.
 */
import assert from "node:assert/strict";
import { kind as bits } from "../../stages/report/bits.ts";
import { kind as differences } from "../../stages/report/differences.ts";
import type { LossParams } from "../../stages/report/losses.ts";
import { kind as perplexity } from "../../stages/report/perplexity.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { evaluations } from "../support/evaluations.ts";

const params: LossParams = {
  name: "perplexity-random",
  start: "random",
  ngrams: ["bigram"],
  variants: ["std-t0", "trim"],
  rivals: ["std-t0", "trim"],
  external: [],
  sources: ["aa", "bb"],
  outOfDistribution: ["cc"],
};

Deno.test("tables of losses say where every model is worse than a unigram model", async () => {
  using folder = temporaryFolder();
  const rivals = { dept: ["trim"], baselines: ["std-t0"] };
  const comparisons = { paper: rivals, equal: { dept: ["trim"], baselines: [] }, tokenRatio: 2 };
  const notes = async (nats: Record<string, readonly number[]>) => {
    const inputs = evaluations(folder.path, { bigram: [1, 1, 1], ...nats });
    const tables = [
      await perplexity.build({ ...params, ...comparisons, quotation: null }, inputs),
      await bits.build(params, inputs),
    ];
    return tables.map((table) => table.notes!.filter((note) => note.includes("unigram model")));
  };
  // aa: both worse; bb: one better; cc: both worse. e² = 7.39; 20 / 40 / ln 2 = 0.72
  assert.deepEqual(await notes({ "std-t0": [21, 21, 30], trim: [22, 19, 20.1] }), [
    ["every model is worse than a unigram model on aa (7.39), cc (7.39): it has learned little there"],
    ["every model is worse than a unigram model on aa (0.72), cc (0.72): it has learned little there"],
  ]);
  assert.deepEqual(await notes({ "std-t0": [19, 19, 19], trim: [22, 22, 22] }), [[], []]);
});

Deno.test("the best variant of a column is marked by paired intervals, and no counted model is", async () => {
  using folder = temporaryFolder();
  const inputs = evaluations(folder.path, {
    bigram: [8, 8, 8],
    "std-t0": [20, 20, 20],
    trim: [19.9, 20, 21], // in each document a little less, as much, a little more
  });
  const { rows, mark } = await bits.build(params, inputs);
  assert.match(mark!, /paired/);
  const marked = rows.slice(0, 3).map(({ label, cells }) => [
    label,
    ...cells.map((cell) => cell.best ?? false),
  ]);
  const alone = await bits.build({ ...params, rivals: ["trim"] }, inputs);
  assert.ok(alone.rows.every(({ cells }) => !cells.some((cell) => cell.best))); // it has no rival
  assert.deepEqual(marked, [ // aa, bb, their mean, cc, the mean of all
    ["bigram", false, false, false, false, false],
    ["std-t0", false, false, false, true, true],
    ["trim", true, false, true, false, false],
  ]);
});

Deno.test("differences are less than the reference, and marked where their interval excludes 0", async () => {
  using folder = temporaryFolder();
  const inputs = evaluations(folder.path, {
    bigram: [12, 20, 20],
    "std-t0": [20, 20, 20],
    trim: [20, 20, 30],
  });
  const table = await differences.build({ ...params, reference: "std-t0" }, inputs);
  assert.match(table.title, /less those of std-t0/);
  const [bigram, trim] = table.rows;
  assert.deepEqual([bigram.label, trim.label], ["bigram", "trim"]);
  // 8 nats of 40 bytes less: 0.2885 bits a byte; half of it in the mean of two sources.
  assert.deepEqual(bigram.cells.map(({ text }) => text), [
    "−0.289",
    "+0.000",
    "−0.144",
    "+0.000",
    "−0.096",
  ]);
  assert.deepEqual(trim.cells.map(({ text }) => text), [
    "+0.000",
    "+0.000",
    "+0.000",
    "+0.361",
    "+0.120",
  ]);
  const marks = trim.cells.map((cell) => cell.best ?? false);
  assert.deepEqual(marks, [false, false, false, true, true]);
  using other = temporaryFolder();
  const second = evaluations(other.path, {
    bigram: [12, 20, 20],
    "std-t0": [20, 20, 20],
    trim: [16, 20, 20],
  });
  const seeds = await differences.buildOfSeeds!({ ...params, reference: "std-t0" }, [
    inputs,
    second,
  ]);
  assert.deepEqual(
    seeds.rows[0].cells.map(({ text }) => text),
    bigram.cells.map(({ text }) => text),
  );
  assert.match(seeds.notes[0], /seeds drawn first \(2 of them\)/);
  // trim over aa and bb: 0, and −4 nats of 40 bytes in one of two sources, −0.0721: mean −0.0361; t is 12.706 at one degree.
  assert.match(
    seeds.notes.at(-1)!,
    /Student's t over seeds: bigram −0\.144 ± 0\.000, trim −0\.036 ± 0\.458/,
  );
});
