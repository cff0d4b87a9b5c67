/**
 * The cost table of the paper's recipes against every cell that the paper prints (Tables 2 and 9).
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { projectRoot } from "../support/paths.ts";
import { project } from "../../commands/dept.ts";
import { withSizes } from "../../stages/sizes.ts";
import { tableFromRecipe } from "../../stages/table.ts";
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
    const table = await kind.build(kind.declare(recipe, "cost").params, {});
    const published = paperCosts[recipe.paper!.cost!];
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
  const table = await kind.build(kind.declare(await recipeOf("multilingual"), "cost").params, {});
  assert.equal(table.rows[2].cells[2].text, "216,135 ± 27,160");
});

Deno.test("table/cost shows 714 times less communication and 24 % less memory, 675× as withdrawn", async () => {
  const recipe = await recipeOf("multilingual-1b");
  const { rows: [std, spec], notes } = await kind.build(kind.declare(recipe, "cost").params, {});
  const value = (row: typeof std, column: keyof PaperCost) =>
    row.cells[columns.indexOf(column as typeof columns[number])].value as number;
  // M = 1.3e9 − 50,257·2048 + 250,112·2048 = 1,709,302,... ; body / 500 = 2,394,147
  assert.equal(Math.round(value(std, "communication") / value(spec, "communication")), 714);
  assert.equal(Math.round(100 * (1 - value(spec, "parameters") / value(std, "parameters"))), 24);
  assert.ok(
    notes.includes("SPEC-OPT sends 714× less a step than STD and keeps 24 % less in memory"),
    notes.join("\n"),
  );
  assert.ok(notes.some((note) => /675× .* withdrew/.test(note)));
});

Deno.test("table cost says which sizes are the recipe's, and why a method has no row", async () => {
  const sample = await recipeOf("sample");
  const noted = async (name: string, sizes: Record<string, string>) =>
    (await project.tableOfSizes!(sample, name, sizes) as { notes: string[] }).notes;
  const sizes = { layers: "24", width: "2048" };
  const notes = await noted("cost", sizes);
  assert.equal(
    notes.at(-1),
    `of recipe "sample": --expansion 4, --positions alibi, --vocab 1024, --local-steps 5, --rounds ${sample.pretrain.rounds}`,
  );
  const reasons = [
    "no row of TRIM, SPEC: |V_k| is not known (--local-vocab, or costs.localVocabSizes of the recipe)",
    "no row of SPEC-OPT: the size of own vocabularies is not known (--own-vocab, or costs.ownVocabSize of the recipe)",
  ];
  const said = (notes: string[]) => notes.filter((note) => note.startsWith("no row of"));
  assert.deepEqual(said(notes), reasons);
  assert.deepEqual(said(await noted("formulas", sizes)), reasons);
  assert.deepEqual(said(await noted("cost", { ...sizes, localVocab: "1000" })), [reasons[1]]);
  const all = { ...sizes, localVocab: "1000", ownVocab: "900" };
  assert.deepEqual(said(await noted("cost", all)), []);
});

Deno.test("withSizes() costs any size: MPT-125M with mT5's vocabulary, at 1 Gbit/s", async () => {
  const recipe = await recipeOf("sample");
  const sample = { ...recipe, model: { ...recipe.model, bias: true } };
  const sizes = {
    layers: "12",
    width: "768",
    context: "2048",
    positions: "learned",
    vocab: "250112",
    localVocab: "240000,260000",
    ownVocab: "50257",
    localSteps: "500",
    rounds: "10",
    gigabits: "1",
  };
  const { columns, rows, notes } = await tableFromRecipe(
    withSizes(sample, sizes),
    "cost",
  );
  assert.deepEqual(rows.map(({ label }) => label), ["STD", "GLOB", "TRIM", "SPEC", "SPEC-OPT"]);
  const cell = (label: string, heading: string) =>
    rows.find((row) => row.label === label)!.cells[columns.indexOf(heading) - 1];
  // Body 85,056,000 with biases, positions 2048·768, table 250,112·768
  const model = 85_056_000 + 2048 * 768 + 250_112 * 768;
  assert.equal(cell("STD", "M_k").value, model);
  assert.equal(cell("GLOB", "sent a step").value, model / 500);
  assert.equal(cell("SPEC-OPT", "sent a step").value, 85_056_000 / 500);
  assert.equal(cell("TRIM", "|V_k|").text, "250,000 ± 14,142");
  assert.equal(cell("GLOB", "training memory").value, 16 * model);
  assert.equal(cell("GLOB", "sent in all").value, 4 * model * 10);
  // 4 bytes out and 4 in, 8 bits each, 1e9 bits a second
  assert.ok(Math.abs(cell("GLOB", "round at 1 Gbit/s").value as number - 64 * model / 1e9) < 1e-9);
  assert.ok(!notes.some((note) => note.includes("paper's")));
  for (const [name, text] of [["layers", "0"], ["ownVocab", "1.5"], ["gigabits", "fast"]]) {
    assert.throws(
      () => withSizes(sample, { [name]: text }),
      /Cannot take --(layers|own-vocab|gigabits): expected a .*number above 0, found/,
    );
  }
  await assert.rejects(
    async () => await tableFromRecipe(sample, "drift"),
    /Cannot make table "drift" from sizes: expected cost, formulas or settings/,
  );
});
