import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { parquetWriteBuffer } from "hyparquet-writer";
import { join } from "node:path";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { finetune } from "../../stages/finetune.ts";
import { checkTask, declareTask } from "../../stages/task_examples.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { needsData } from "../support/data.ts";
import { baseRecipe } from "../support/documents_stage.ts";
import { HubServer } from "../support/hub_server.ts";
import { projectRoot } from "../support/paths.ts";
import { readTaskOf } from "../support/task_data.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
Deno.env.set("DEPT_CACHE", join(folder, "cache"));
Deno.env.delete("DEPT_HUB_URL");

function recipeOf(task: unknown, more: Partial<Recipe> = {}): Recipe {
  return recipeSchema.parse({
    ...baseRecipe,
    finetune: { ...baseRecipe.finetune, tasks: { t: task } },
    ...more,
  });
}

function rows(from: number, count: number): string {
  const lines = Array.from({ length: count }, (_, i) => `sentence ${from + i}\t${i % 2}\n`);
  return `sentence\tlabel\n${lines.join("")}`;
}

function dataOf(files: Readonly<Record<string, string>>): string {
  const data = Deno.makeTempDirSync({ dir: folder });
  for (const [name, content] of Object.entries(files)) {
    Deno.writeTextFileSync(join(data, name), content);
  }
  return data;
}

Deno.test("a file task takes its splits from its files, their content in the key and not their place", async () => {
  const data = dataOf({
    "a.tsv": rows(0, 50),
    "b.tsv": rows(50, 50),
    "dev.tsv": rows(200, 10),
    "test.tsv": rows(300, 12),
  });
  const files = { train: ["a.tsv", "b.tsv"], dev: "dev.tsv", test: "test.tsv" };
  const recipe = recipeOf({ format: "sst2", files }, { data });
  deepStrictEqual(finetune.declare(recipe, ["trim", "random", "t"]).files, {
    "train/0": join(data, "a.tsv"),
    "train/1": join(data, "b.tsv"),
    "dev/0": join(data, "dev.tsv"),
    "test/0": join(data, "test.tsv"),
  });
  ok(!JSON.stringify(finetune.declare(recipe, ["trim", "random", "t"]).params).includes(data));
  const { description, examples, ceiling } = await readTaskOf(recipe);
  deepStrictEqual(description, { kind: "classification", nClasses: 2 });
  deepStrictEqual([examples.train.length, examples.dev.length, examples.test.length], [
    100,
    10,
    12,
  ]);
  strictEqual(ceiling, null);
  deepStrictEqual(examples.train[50], { texts: ["sentence 50"], label: 0 });
});

Deno.test("a file task without a test scores on dev and holds out some of training, by content", async () => {
  const data = dataOf({
    "train.tsv": rows(0, 400) + rows(0, 400).split("\n").slice(1).join("\n"),
    "dev.tsv": rows(900, 10),
  });
  const recipe = recipeOf({ format: "sst2", files: { train: "train.tsv", dev: "dev.tsv" } }, {
    data,
  });
  const { examples } = await readTaskOf(recipe);
  strictEqual(examples.test[0].texts[0], "sentence 900");
  const dev = new Set(examples.dev.map(({ texts }) => texts[0]));
  // 400 distinct texts at a share of 0.05: 20, within four standard deviations (4.4).
  ok(dev.size > 2 && dev.size < 38, `${dev.size}`);
  strictEqual(examples.dev.length, 2 * dev.size);
  ok(examples.train.every(({ texts }) => !dev.has(texts[0])));
});

Deno.test("a file task takes a random part when told to, the same each time", async () => {
  const data = dataOf({ "train.tsv": rows(0, 100), "dev.tsv": rows(200, 10) });
  const files = { train: "train.tsv", dev: "dev.tsv", test: "dev.tsv" };
  const recipe = recipeOf({ format: "sst2", files, examples: { train: 20 } }, { data });
  const { examples } = await readTaskOf(recipe);
  const numbers = examples.train.map(({ texts }) => Number(texts[0].split(" ")[1]));
  strictEqual(numbers.length, 20);
  deepStrictEqual(numbers, [...numbers].sort((a, b) => a - b));
  ok(numbers[10] > 15); // not the first twenty
  deepStrictEqual((await readTaskOf(recipe)).examples, examples);
});

Deno.test("a file task fetches what the hub has", async () => {
  await using server = new HubServer();
  const bytes = (text: string) => new TextEncoder().encode(text);
  server.addDataset("nyu-mll/glue", {
    "sst2/train-0.tsv": bytes(rows(0, 5)),
    "sst2/train-1.tsv": bytes(rows(5, 5)),
    "sst2/validation.tsv": bytes(rows(20, 4)),
  }, { folder: "sst2" });
  const hub = "hf://datasets/nyu-mll/glue/sst2";
  const files = {
    train: `${hub}/train-*.tsv`,
    dev: `${hub}/validation.tsv`,
    test: `${hub}/validation.tsv`,
  };
  const documents = { ...baseRecipe.documents, hub: server.url };
  const recipe = recipeOf({ format: "sst2", files }, { documents });
  const { examples } = await readTaskOf(recipe);
  strictEqual(examples.train.length, 10);
  strictEqual(examples.train[9].texts[0], "sentence 9");
  ok(finetune.declare(recipe, ["trim", "random", "t"]).isNative);
});

Deno.test("recipe multidomain-24 names the full sets where the hub has them, as parquet", async () => {
  const parquet = (columns: Readonly<Record<string, readonly unknown[]>>) => {
    const columnData = Object.entries(columns).map(([name, data]) => ({ name, data: [...data] }));
    return new Uint8Array(parquetWriteBuffer({ columnData }));
  };
  const pairs = { premise: ["p1", "p2"], hypothesis: ["h1", "h2"], label: [0n, 2n], idx: [0n, 1n] };
  const one = (count: number) => ({
    sentence: Array.from({ length: count }, (_, i) => `s ${i}`),
    label: Array.from({ length: count }, (_, i) => BigInt(i % 2)),
  });
  const scored = (count: number) => ({
    sentence1: Array.from({ length: count }, (_, i) => `a ${i}`),
    sentence2: Array.from({ length: count }, (_, i) => `b ${i}`),
    label: Array.from({ length: count }, (_, i) => (i % 6) * 0.8),
  });
  const question = {
    example_id: ["high1.txt"],
    article: ["A."],
    answer: ["B"],
    question: ["Q"],
    options: [["a", "b", "c", "d"]],
  };
  await using server = new HubServer();
  const shard = "00000-of-00001.parquet";
  server.addDataset("nyu-mll/glue", {
    [`mnli/train-${shard}`]: parquet(pairs),
    [`mnli/validation_matched-${shard}`]: parquet(pairs),
    [`mnli/validation_mismatched-${shard}`]: parquet(pairs),
  }, { folder: "mnli" });
  for (
    const [name, train, dev] of [["sst2", one(200), one(4)], [
      "stsb",
      scored(200),
      scored(4),
    ]] as const
  ) {
    server.addDataset("nyu-mll/glue", {
      [`${name}/train-${shard}`]: parquet(train),
      [`${name}/validation-${shard}`]: parquet(dev),
    }, { folder: name });
  }
  server.addDataset("ehovy/race", {
    [`all/train-${shard}`]: parquet(question),
    [`all/validation-${shard}`]: parquet(question),
    [`all/test-${shard}`]: parquet(question),
  }, { folder: "all" });
  const paper = await loadRecipe("multidomain-24", {
    folder: join(projectRoot, "pipeline/recipes"),
    schema: recipeSchema,
  });
  const counts: Record<string, number[]> = {};
  for (const [name, task] of Object.entries(paper.finetune.tasks)) {
    const documents = { ...baseRecipe.documents, hub: server.url };
    const { examples } = await readTaskOf(recipeOf(task, { documents }));
    counts[name] = [examples.train.length + examples.dev.length, examples.test.length];
    ok(examples.dev.length > 0);
  }
  deepStrictEqual(counts, { mnli: [4, 2], race: [2, 1], sst2: [200, 4], stsb: [200, 4] });
});

Deno.test("a file task refuses no examples and forms that it does not know", async () => {
  const data = dataOf({ "train.tsv": rows(0, 5), "none.tsv": "sentence\tlabel\n" });
  const files = { train: "train.tsv", dev: "none.tsv", test: "train.tsv" };
  await rejects(
    readTaskOf(recipeOf({ format: "sst2", files }, { data })),
    /"none\.tsv"|none\.tsv: expected dev examples/,
  );
  throws(() => recipeOf({ format: "cola", files }));
});

Deno.test("checkTask() reads the first example of each split: options and files are refused before any training", async () => {
  const checked = (recipe: Recipe) => {
    const { params, files, uses } = declareTask(recipe, "t");
    return checkTask(params, files, uses);
  };
  const generated = (options: Record<string, unknown>) =>
    recipeOf({ generator: "sentiment", options, examples: { train: 2, dev: 2, test: 2 } });
  await checked(generated({}));
  await rejects(checked(generated({ labelNose: 0.2 })), /UsageError: .*did you mean "labelNoise"/);
  const data = dataOf({
    "train.tsv": rows(0, 5),
    "none.tsv": "sentence\tlabel\n",
    "other.tsv": "sentence\tlabel\nfine\tyes\n",
  });
  const of = (dev: string | string[]) =>
    checked(recipeOf({ format: "sst2", files: { train: "train.tsv", dev } }, { data }));
  await of(["none.tsv", "train.tsv"]);
  await rejects(of("none.tsv"), /UsageError: .*none\.tsv: expected dev examples, found none/);
  await rejects(of("other.tsv"), /UsageError: .*other\.tsv/);
});

const samples = needsData("downstream");
Deno.test({
  name: "file tasks read the real samples, RACE also from its folders",
  ignore: samples.ignore,
  async fn() {
    const data = samples.path;
    const race = { train: "race/RACE/train", dev: "race/RACE/dev", test: "race/RACE/test" };
    const { examples } = await readTaskOf(recipeOf({ format: "race", files: race }, { data }));
    ok(examples.train.length > 20 && examples.train.every(({ options }) => options!.length === 4));
    const mnli = {
      train: "mnli/train.jsonl",
      dev: "mnli/dev_matched.jsonl",
      test: "mnli/dev_mismatched.jsonl",
    };
    const pairs = (await readTaskOf(recipeOf({ format: "mnli", files: mnli }, { data }))).examples;
    deepStrictEqual([pairs.train.length, pairs.dev.length, pairs.test.length], [727, 273, 516]);
  },
});
