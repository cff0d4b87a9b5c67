/**
 * What tables of losses say beside their rows.
 */
import assert from "node:assert/strict";
import { kind as bits } from "../../stages/report/bits.ts";
import type { LossParams } from "../../stages/report/losses.ts";
import { kind as perplexity } from "../../stages/report/perplexity.ts";
import { temporaryFolder } from "../support/command_line.ts";

const params: LossParams = {
  name: "perplexity-random",
  start: "random",
  variants: ["std-t0", "trim"],
  sources: ["aa", "bb"],
  outOfDistribution: ["cc"],
};

/** Folders of evaluations whose models lose so many nats over 10 tokens, where the unigram model loses 20 over 40 bytes. */
function evaluations(folder: string, nats: Readonly<Record<string, readonly number[]>>) {
  return Object.fromEntries(
    Object.entries(nats).map(([variant, ofSources]) => {
      const path = `${folder}/${variant}`;
      Deno.mkdirSync(path, { recursive: true });
      const sources = Object.fromEntries(["aa", "bb", "cc"].map((source, i) => {
        const value = { tokens: 10, bytes: 40, unigramNats: 20, lossNats: ofSources[i] };
        const interval = [1, 2];
        return [source, {
          ...value,
          perplexity: Math.exp(ofSources[i] / 10),
          perplexityInterval: interval,
          bitsPerByte: ofSources[i] / 40 / Math.LN2,
          bitsPerByteInterval: interval,
        }];
      }));
      Deno.writeTextFileSync(`${path}/summary.json`, JSON.stringify({ format: 1, sources }));
      return [`losses/${variant}`, path];
    }),
  );
}

Deno.test("tables of losses say where every model is worse than a unigram model", async () => {
  using folder = temporaryFolder();
  const rivals = { dept: ["trim"], baselines: ["std-t0"] };
  const notes = async (nats: Record<string, readonly number[]>) => {
    const inputs = evaluations(folder.path, nats);
    const tables = [
      await perplexity.build({ ...params, ...rivals, quotation: null }, inputs),
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
