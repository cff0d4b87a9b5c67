import assert from "node:assert/strict";
import { join } from "node:path";
import { UsageError } from "../../base/mod.ts";
import { expand } from "../../pipeline/instances.ts";
import type { OutputRef, Stage, Study } from "../../pipeline/stage.ts";
import { eventsOf, finishedStore, inTemporaryFolder, ranIn, toy } from "../support/toy_cli.ts";

const study = (axes: string) => ["--set", `study={axes: {${axes}}}`];
const steps = "steps: {key: steps, values: [8, 9]}";
const titles = "title: {cells: {short: {title: Ends}, long: {title: Where walks ended}}}";

Deno.test("study: cells share what they have alike, and only the axes that count are in a name", async () => {
  await inTemporaryFolder(async (store) => {
    await finishedStore(store);
    const result = await toy(store, "run", "--json", ...study(`${titles}, ${steps}`));
    assert.equal(result.code, 0, result.stderr);
    const [plan] = eventsOf(result);
    assert.ok(plan.type === "plan");
    assert.deepEqual(plan.instances.map(({ instance }) => instance), [
      "words/a", // the same in all four cells
      "words/b",
      "walk/a/left@steps=8", // the title does not reach a walk
      "walk/a/right@steps=8",
      "walk/b/left@steps=8",
      "walk/b/right@steps=8",
      "walk/a/left@steps=9",
      "walk/a/right@steps=9",
      "walk/b/left@steps=9",
      "walk/b/right@steps=9",
      "table/ends@steps=8@title=short",
      "table/ends@steps=8@title=long",
      "table/ends@steps=9@title=short",
      "table/ends@steps=9@title=long",
    ]);
    // The cell of the recipe's own values was there before, under names without axes.
    assert.deepEqual(ranIn(result), [
      "table/ends@steps=8@title=long",
      "table/ends@steps=9@title=long",
      "table/ends@steps=9@title=short",
      "walk/a/left@steps=9",
      "walk/a/right@steps=9",
      "walk/b/left@steps=9",
      "walk/b/right@steps=9",
    ]);
    const one = await toy(store, "run", "--json", "--set", "steps=9");
    assert.deepEqual(ranIn(one), [], "and a plain run takes what the study has made");
  });
});

Deno.test("study: a target takes cells by the value of an axis", async () => {
  await inTemporaryFolder(async (store) => {
    const axes = study(`${steps}, seed: {key: seed, values: [1, 2]}`);
    const names = async (...targets: string[]) => {
      const { stdout } = await toy(store, "run", "--dry-run", "--json", ...targets, ...axes);
      const plan = JSON.parse(stdout);
      return plan.instances.map(({ instance }: { instance: string }) => instance);
    };
    assert.deepEqual(await names("walk/a/left@steps=9"), [
      "words/a@seed=1",
      "words/a@seed=2",
      "walk/a/left@seed=1@steps=9",
      "walk/a/left@seed=2@steps=9",
    ]);
    assert.deepEqual(await names("words@seed=2"), ["words/a@seed=2", "words/b@seed=2"]);
    assert.equal((await names("@seed=1@steps=8")).length, 2 + 4 + 1);
    const wrong = await toy(store, "run", "--dry-run", "walk@steps=7", ...axes);
    assert.equal(wrong.code, 2);
    assert.match(
      wrong.stderr,
      /expected one of @seed=1, @seed=2, @steps=8, @steps=9, found @steps=7/,
    );
  });
});

const mistakes: Readonly<Record<string, readonly [axes: string, message: RegExp]>> = {
  "a value that the schema refuses": [
    "steps: {key: steps, values: [8, many]}",
    /Cannot accept steps: expected a number.* \(cell @steps=many of the study\)/,
  ],
  "a key that is not there": [
    "steps: {key: stepz, values: [8]}",
    /Cannot accept key "stepz".*did you mean "steps".*cell @steps=8/,
  ],
  "a value twice": [
    "steps: {key: steps, values: [8, 8]}",
    /Cannot tell cells of axis "steps" apart: expected each value once, found 8 twice/,
  ],
  "a value that is no name": [
    "title: {key: title, values: [a b]}",
    /Cannot name a cell of a study by "a b".*give values a name with cells/,
  ],
};

for (const [what, [axes, message]] of Object.entries(mistakes)) {
  Deno.test(`study: ${what} is named with its place`, async () => {
    await inTemporaryFolder(async (folder) => {
      const { code, stderr } = await toy(join(folder, "store"), "status", ...study(axes));
      assert.match(stderr, message);
      assert.equal(code, 2);
    });
  });
}

interface Recipe {
  readonly name: string;
  readonly seed: number;
  readonly size: number;
}

Deno.test("expand(): a stage over a study takes inputs of every cell", () => {
  const walk: Stage<Recipe> = {
    name: "walk",
    description: "",
    module: import.meta.url,
    instances: () => [["a"]],
    declare: ({ size }) => ({ outputs: ["out"], params: { size } }),
  };
  const over: Stage<Study<Recipe>> = {
    name: "table",
    description: "",
    module: import.meta.url,
    overStudy: true,
    instances: () => [["sizes"]],
    declare: ({ axes, cells }) => ({
      inputs: Object.fromEntries(
        cells.map(({ suffix }) => [suffix, `walk/a${suffix}#out` as const]),
      ),
      outputs: ["table"],
      params: { axes },
    }),
  };
  const recipe: Recipe = { name: "r", seed: 1, size: 1 };
  const cell = (size: number, other: string) => ({
    values: { other, size: String(size) },
    suffix: `@other=${other}@size=${size}`,
    recipe: { ...recipe, size },
  });
  const cells = [cell(1, "x"), cell(2, "x"), cell(1, "y"), cell(2, "y")];
  const instances = expand([walk, over] as Stage[], { recipe, axes: ["other", "size"], cells });
  assert.deepEqual([...instances.keys()], ["walk/a@size=1", "walk/a@size=2", "table/sizes"]);
  const { inputs, needs } = instances.get("table/sizes")!;
  assert.equal(inputs.size, 4); // a name for each cell, two of them the same instance
  assert.deepEqual(needs, ["walk/a@size=1", "walk/a@size=2"]);
});

Deno.test("expand(): what is made on request is asked of the cells that a target names", () => {
  const figure: Stage<Recipe> = {
    name: "figure",
    description: "",
    module: import.meta.url,
    instances: () => [],
    onRequest: (_recipe, [name]) => name === "f",
    declare: ({ size }) => {
      if (size > 1) throw new UsageError("found too large a size");
      return { outputs: ["figure"], params: { size } };
    },
  };
  const recipe: Recipe = { name: "r", seed: 1, size: 1 };
  const cells = [1, 2].map((size) => ({
    values: { size: String(size) },
    suffix: `@size=${size}`,
    recipe: { ...recipe, size },
  }));
  const asked = (target: string) =>
    expand([figure] as Stage[], { recipe, axes: ["size"], cells }, [target]);
  assert.equal(asked("figure/f@size=1").size, 1);
  assert.throws(() => asked("figure/f"), /found too large a size/);
});

Deno.test("expand(): an input may name axes of its cell, the others are those of the instance", () => {
  const stage = (from: string): Stage<Recipe> => ({
    name: "walk",
    description: "",
    module: import.meta.url,
    instances: () => [["a"]],
    declare: ({ size, seed }) => ({
      inputs: (size === 1 ? {} : { from: `walk/a${from}#out` }) as Record<string, OutputRef>,
      outputs: ["out"],
      params: { size, seed },
    }),
  });
  const cells = [1, 2].flatMap((seed) =>
    [1, 2].map((size) => ({
      values: { seed: String(seed), size: String(size) },
      suffix: `@seed=${seed}@size=${size}`,
      recipe: { name: "r", seed, size },
    }))
  );
  const study = { recipe: cells[0].recipe, axes: ["seed", "size"], cells };
  const needsOf = (from: string) => {
    const instances = expand([stage(from)] as Stage[], study);
    return [...instances.values()].map(({ id, needs }) => [id, ...needs]);
  };
  assert.deepEqual(needsOf("@size=1"), [
    ["walk/a@seed=1@size=1"],
    ["walk/a@seed=1@size=2", "walk/a@seed=1@size=1"],
    ["walk/a@seed=2@size=1"],
    ["walk/a@seed=2@size=2", "walk/a@seed=2@size=1"],
  ]);
  const refuses = (from: string, message: RegExp) =>
    assert.throws(() => needsOf(from), (error: Error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  refuses("@size=3", /"from" to be of a cell of the study \(@seed=1@size=1, .*\), found @size=3/);
  refuses("@time=1", /"from" to be of a cell of the study \(.*\), found @time=1/);
  refuses("@size=2", /Cannot plan walk\/a: it needs itself/);
});
