import assert from "node:assert/strict";
import { join } from "node:path";
import { recipeReference } from "../../commands/recipe_reference.ts";
import { projectRoot } from "../support/paths.ts";

Deno.test("recipeReference() is what docs/recipes.md holds", () => {
  const kept = Deno.readTextFileSync(join(projectRoot, "docs/recipes.md"));
  assert.equal(kept, recipeReference(), "Run deno task docs:recipes");
});

Deno.test("recipeReference() gives a key its type, its default with the reason, and its meaning", () => {
  const rows = recipeReference().split("\n");
  const row = (key: string) => rows.find((line) => line.startsWith(`| \`${key}\` |`));
  assert.equal(
    row("pretrain.localSteps"),
    "| `pretrain.localSteps` | whole number above 0 | `500` (N_local, paper Table 9) | " +
      "Steps of local training in a round, N_local. |",
  );
  assert.match(row("sources.<name>.generator")!, /\| text \| required \|/);
  assert.match(row("costs.gigabitsPerSecond")!, /\| number above 0 \| `10` \|/);
  assert.match(row("vocabulary.global.vocabSize")!, /\| `8192` \|/);
});
