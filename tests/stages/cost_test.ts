/**
 * The cost table of the paper's recipes against every cell that the paper prints (Tables 2 and 9).
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { projectRoot } from "../support/paths.ts";
import { kind } from "../../stages/report/cost.ts";
import { type PaperCost, paperCosts } from "../../stages/report/paper_costs.ts";

const folder = join(projectRoot, "pipeline/recipes");
const recipeOf = (name: string): Promise<Recipe> =>
  loadRecipe(name, { folder, schema: recipeSchema });

const scales: Record<string, number> = { "": 1, "×": 1, "M": 1e6, "B": 1e9 };

/** Value of a printed number and half of its last printed digit: `0.56M` is 560,000 ± 5,000. */
function printed(text: string): { value: number; rounding: number } {
  const [, digits, exponent, unit] = /^([\d.]+)(e\d+)?([MB×]?)$/.exec(text.replaceAll(",", ""))!;
  const scale = scales[unit] * Number(`1${exponent ?? ""}`);
  const decimals = digits.includes(".") ? digits.split(".")[1].length : 0;
  return { value: Number(digits) * scale, rounding: 0.5 * 10 ** -decimals * scale };
}

const recipes = ["multilingual", "multilingual-1b", "multidomain", "multidomain-24"];
/** Cells of the table by the paper's column, in order. */
const columns: readonly (Exclude<keyof PaperCost, "slips">)[] = [
  "localSteps",
  "rounds",
  "localVocabSize",
  "embeddingParameters",
  "parameters",
  "parametersRatio",
  "communication",
  "communicationRatio",
];

for (const name of recipes) {
  Deno.test(`table/cost of ${name} gives the paper's cells within their rounding, slips apart`, async () => {
    const recipe = await recipeOf(name);
    const table = await kind.build(kind.params(recipe, "cost"), {});
    const published = paperCosts[recipe.paper!.cost];
    let compared = 0;
    for (const row of table.rows) {
      const paper = published[row.label];
      assert.ok(paper, `${row.label} is in the paper`);
      columns.forEach((column, at) => {
        const cell = row.cells[at];
        assert.equal(cell.paper, paper[column]);
        const { value, rounding } = printed(paper[column].split(" ± ")[0]);
        const agrees = Math.abs((cell.value as number) - value) <= rounding * (1 + 1e-9);
        assert.equal(
          agrees,
          !cell.slip,
          `${row.label} ${column}: ours ${cell.value}, paper ${paper[column]}`,
        );
        compared++;
      });
    }
    assert.equal(table.rows.length, Object.keys(published).length);
    assert.ok(compared >= 16);
  });
}

Deno.test("table/cost prints the deviation of |V_k| that the paper prints", async () => {
  const table = await kind.build(kind.params(await recipeOf("multilingual"), "cost"), {});
  assert.equal(table.rows[2].cells[2].text, "216,135 ± 27,160");
});
