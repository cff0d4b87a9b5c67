/**
 * Tables 18 to 20: imports beside DEPT in tokens of the same vocabulary.
 */
import assert from "node:assert/strict";
import { kind } from "../../stages/report/pythia.ts";
import type { Recipe } from "../../stages/recipe.ts";
import { temporaryFolder } from "../support/command_line.ts";

const recipe = {
  sources: { aa: {}, bb: {} },
  outOfDistribution: [],
  pretrain: { variants: ["std-t0", "trim", "spec"] },
  continue: { starts: ["random", "pretrained"] },
  external: { big: { from: "x", starts: ["pretrained"] }, small: { from: "y", starts: [] } },
} as unknown as Recipe;

Deno.test("table pythia compares an import with DEPT from the same start, a token of the global vocabulary each", async () => {
  const { inputs, params } = kind.declare(recipe, "pythia");
  // spec has no global embedding to go on with, small is not continued.
  assert.deepEqual(inputs, {
    "losses/pretrained/external/big": "evaluate/external/big/pretrained#losses",
    "losses/pretrained/trim": "evaluate/trim/pretrained#losses",
  });
  using folder = temporaryFolder();
  const written = (name: string, lossNats: number, tokens: number) => {
    Deno.mkdirSync(`${folder.path}/${name}`);
    const sources = { aa: { lossNats, tokens, bytes: 40 }, bb: { lossNats, tokens, bytes: 40 } };
    Deno.writeTextFileSync(`${folder.path}/${name}/summary.json`, JSON.stringify({ sources }));
    return `${folder.path}/${name}`;
  };
  const { columns, rows } = await kind.build(params, {
    "losses/pretrained/external/big": written("big", 30, 25),
    "losses/pretrained/trim": written("trim", 20, 10),
  });
  assert.deepEqual(columns, ["", "aa", "bb", "AVG"]);
  // 40 bytes are 10 tokens of the global vocabulary: 30 / 10 nats a token, and 20 / 10.
  const [theirs, ours] = [Math.exp(3), Math.exp(2)];
  const values = rows.map(({ label, cells }) => [label, ...cells.map(({ value }) => value)]);
  assert.deepEqual(values.slice(0, 3), [
    ["external/big, pretrained", theirs, theirs, theirs],
    ["trim, pretrained", ours, ours, ours],
    ["best of DEPT less external/big, pretrained", ...new Array(3).fill(ours - theirs)],
  ]);
  assert.equal(rows.at(-1)!.cells[2].paper, "Pythia better by 10");
});

Deno.test("table pythia quotes the paper where a recipe continues no import", async () => {
  const { inputs, params } = kind.declare({ ...recipe, external: {} } as Recipe, "pythia");
  assert.deepEqual(inputs, {});
  const { rows, notes } = await kind.build(params, {});
  assert.deepEqual(rows.map(({ cells }) => cells.map(({ paper }) => paper)), [
    ["DEPT better by 1"],
    ["within 1 of each other"],
    ["Pythia better by 10"],
  ]);
  assert.match(notes[0], /not computed here: the recipe continues no import/);
});
