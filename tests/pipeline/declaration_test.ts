import assert from "node:assert/strict";
import { declarationOf } from "../../pipeline/declaration.ts";
import type { Stage } from "../../pipeline/stage.ts";

Deno.test("declarationOf() gives a default for all that a stage leaves out, and sorts seeds", () => {
  const stage = (more: object): Stage => ({
    name: "s",
    description: "",
    module: import.meta.url,
    instances: () => [["a"]],
    declare: (recipe, [part]) => ({ outputs: ["out"], params: { recipe, part }, ...more }),
  });
  const bare = declarationOf(stage({}), "r", ["a"]);
  assert.deepEqual(bare, {
    inputs: {},
    files: {},
    outputs: ["out"],
    params: { recipe: "r", part: "a" },
    hints: {},
    hintModules: {},
    seeds: [],
    uses: {},
    isNative: false,
    claims: { threads: 1 },
    forecast: {},
    weight: 1,
  });
  const more = { seeds: ["b", "a"], weight: 3, hints: { everyMs: 5 } };
  const { seeds, weight, hints } = declarationOf(stage(more), "r", ["a"]);
  assert.deepEqual([seeds, weight, hints], [["a", "b"], 3, { everyMs: 5 }]);
});
