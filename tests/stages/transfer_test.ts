/**
 * Held-out sources by their distance: rows in order, differences by hand.
 */
import assert from "node:assert/strict";
import { openTokenShards, writeStatistics, writeTokenShards } from "../../datasets/mod.ts";
import { kind as figure } from "../../stages/figures/transfer.ts";
import { kind } from "../../stages/report/transfer.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { evaluations } from "../support/evaluations.ts";

const params = {
  name: "transfer-random",
  start: "random",
  ngrams: [],
  variants: ["std-t0", "trim"],
  rivals: ["std-t0", "trim"],
  external: [],
  sources: ["aa"],
  outOfDistribution: ["bb", "cc"],
  reference: "std-t0",
} as const;

Deno.test("table and figure transfer have sources from the nearest to the farthest, each less the reference", async () => {
  using folder = temporaryFolder();
  const inputs = evaluations(folder.path, {
    "std-t0": [20, 20, 20],
    trim: [20, 28, 12], // 8 nats of 40 bytes: 0.2885 bits a byte
  });
  // Training text of 3 tokens with the end (2): cc has one word in common with aa, bb none.
  for (const [source, ids] of Object.entries({ aa: [5, 6], bb: [8, 8], cc: [5, 8] })) {
    const [tokens, statistics] = [`${folder.path}/${source}`, `${folder.path}/${source}-counts`];
    for (const path of [tokens, statistics]) Deno.mkdirSync(path);
    await writeTokenShards(tokens, [{ ids, bytes: 6 }], { vocabSize: 10, endId: 2 });
    const shards = openTokenShards(tokens);
    writeStatistics(statistics, shards, { reservedPieces: 4, unknownId: 0 });
    shards.close();
    inputs[`statistics/${source}`] = statistics;
  }
  const { columns, rows } = await kind.build(params, inputs);
  assert.deepEqual(columns, ["", "distance", "std-t0", "trim"]);
  // aa with one added: 2 of 13 for 2, 5 and 6, 1 of 13 for the rest. Nats of 3 tokens over 6 bytes and ln 2.
  const bits = (nats: number) => nats / 6 / Math.LN2;
  const [seen, unseen] = [1 / 3 * 13 / 2, 1 / 3 * 13];
  const expected: [string, number, string][] = [
    ["aa", bits(3 * Math.log(seen)), "+0.000"],
    ["cc (held out)", bits(2 * Math.log(seen) + Math.log(unseen)), "−0.289"],
    ["bb (held out)", bits(Math.log(seen) + 2 * Math.log(2 / 3 * 13)), "+0.289"],
  ];
  assert.equal(rows.length, 3);
  for (const [i, [label, distance, text]] of expected.entries()) {
    assert.equal(rows[i].label, label);
    const [found, reference, difference] = rows[i].cells;
    assert.ok(Math.abs(found.value as number - distance) < 1e-12, `${label} ${found.value}`);
    assert.equal(reference.text, (20 / 40 / Math.LN2).toFixed(3));
    assert.equal(difference.text, text);
  }
  const { panels: [{ series: [{ label, points }] }] } = figure.build(params, inputs);
  assert.equal(label, "trim");
  assert.deepEqual(points.map(({ name }) => name), ["cc (held out)", "bb (held out)"]);
  assert.ok(points[0].x < points[1].x && points[0].y < 0 && points[1].y > 0);
});
