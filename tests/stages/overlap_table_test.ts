import { deepStrictEqual } from "node:assert/strict";
import { openTokenShards, writeStatistics, writeTokenShards } from "../../datasets/mod.ts";
import { kind } from "../../stages/report/overlap.ts";
import { temporaryFolder } from "../support/command_line.ts";

Deno.test("table/overlap counts the pieces that two sources have, also beyond the 32nd", async () => {
  using folder = temporaryFolder();
  const vocabSize = 70;
  const texts = { a: [3, 31, 32, 69], b: [32, 69, 69], c: [5] };
  const inputs: Record<string, string> = {};
  for (const [source, ids] of Object.entries(texts)) {
    const [tokens, statistics] = [`${folder.path}/${source}`, `${folder.path}/${source}-counts`];
    for (const path of [tokens, statistics]) Deno.mkdirSync(path);
    await writeTokenShards(tokens, [{ ids, bytes: ids.length }], { vocabSize, endId: 2 });
    const shards = openTokenShards(tokens);
    writeStatistics(statistics, shards, { reservedPieces: 4, unknownId: 0 });
    shards.close();
    inputs[`statistics/${source}`] = statistics;
  }
  const table = await kind.build({}, inputs);
  deepStrictEqual(table.columns, ["", "|V_k|", "a", "b", "c"]);
  deepStrictEqual(
    table.rows.map(({ label, cells }) => [label, ...cells.map(({ value }) => value)]),
    [ // each text ends with piece 2
      ["a", 5, 1, 3 / 5, 1 / 5], // 2 3 31 32 69
      ["b", 3, 1, 1, 1 / 3], // 2 32 69
      ["c", 2, 1 / 2, 1 / 2, 1], // 2 5
    ],
  );
});
