/**
 * A row that is put into the table of variants shows everywhere, with no other edit.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { copyProject, edit } from "../support/checkout.ts";
import { pipeline, temporaryFolder } from "../support/command_line.ts";

const row = `
  "zzz-avg": {
    meaning: "for a test: glob by another name",
    source: "a test",
    role: "method",
    costMethod: "zzz-avg",
    training: whole,
  },`;

/** Every table that shows variants, and the recipe's keys that some of them need. */
const tables = [
  ...[
    "cost",
    "cost-measured",
    "formulas",
    "settings",
    "drift",
    "averaging",
    "budget",
    "exposure",
    "tuning",
    "plasticity",
  ],
  ...["perplexity", "bits", "normalised", "isolated"].flatMap((name) => [
    `${name}-random`,
    `${name}-pretrained`,
  ]),
  ...["downstream", "downstream-pretrained", "downstream-both"],
  ...["pretraining", "differences"],
];
const figures = ["plasticity", "scaling", "stability"];
const keys = [
  "pretrain.variants=[std-t0,zzz-avg,isolated-code]",
  "pretrain.monitors.everySteps=2",
  "continue.starts=[random,pretrained]",
  "continue.plasticity.sources=[code]",
  "continue.plasticity.validateEverySteps=3",
  "tune.variants=[zzz-avg]",
  "tune.spikeNats=10",
  `tables=[${tables}]`,
  `figures=[${figures}]`,
];

/** Prints what every instance of the recipe declares, by id. */
const plan = `
import { loadRecipe } from "./pipeline/recipe.ts";
import { stages } from "./stages/mod.ts";
import { recipeSchema } from "./stages/recipe.ts";

const recipe = await loadRecipe("./tests/support/recipes/tiny.yaml", {
  folder: "pipeline/recipes",
  schema: recipeSchema,
  set: Deno.args,
});
const declared = stages.filter(({ overStudy }) => !overStudy).flatMap((stage) =>
  stage.instances(recipe).map((parts) => {
    const { inputs, params } = stage.declare(recipe, parts);
    return [[stage.name, ...parts].join("/"), JSON.stringify({ inputs, params })];
  })
);
console.log(JSON.stringify(Object.fromEntries(declared)));
`;

Deno.test("a new row of the table of variants shows in schema, plan, tables and figures", async (t) => {
  using folder = temporaryFolder();
  const root = join(folder.path, "project");
  copyProject(root);
  edit(
    join(root, "training/variants.ts"),
    /const variantTable: Readonly<Record<string, VariantRow>> = \{/,
    `$&${row}`,
  );
  const options = [
    ...["--recipe", join(root, "tests/support/recipes/tiny.yaml"), "--engine", "reference"],
    ...["--store", join(folder.path, "store")],
  ];

  await t.step("the schema names it, also as the nearest of what was typed", async () => {
    const typed = ["--set", "pretrain.variants=[zzz-avgg]"];
    const { code, stderr } = await pipeline(
      ["run", "all", "--dry-run", ...options, ...typed],
      root,
    );
    assert.equal(code, 2);
    assert.match(stderr, /expected one of .*zzz-avg, .*did you mean "zzz-avg"\?/);
  });

  await t.step("the plan has every stage of it, tables and figures ask for it", async () => {
    const script = join(root, "plan.ts");
    Deno.writeTextFileSync(script, plan);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", join(root, "deno.json"), script, ...keys],
    }).output();
    const text = new TextDecoder();
    const declared: Readonly<Record<string, string>> = JSON.parse(
      text.decode(stdout) || `"${text.decode(stderr)}"`,
    );
    const stages = ["tune", "pretrain", "continue", "evaluate", "finetune"];
    const ids = Object.keys(declared);
    for (const stage of stages) {
      assert.ok(ids.some((id) => id.startsWith(`${stage}/zzz-avg`)), `${stage} in ${ids}`);
    }
    for (const name of tables) assert.match(declared[`table/${name}`], /zzz-avg/, name);
    for (const name of figures) assert.match(declared[`figure/${name}`], /zzz-avg/, name);
  });

  await t.step("formulas and costs of typed sizes have its method", async () => {
    for (const name of ["formulas", "cost"]) {
      const { stdout, stderr } = await pipeline(["table", name, "--layers", "2", ...options], root);
      assert.match(stdout, /^ZZZ-AVG /m, stderr);
    }
  });
});
