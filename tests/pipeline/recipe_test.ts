import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { UsageError } from "../../base/mod.ts";
import { loadRecipe } from "../../pipeline/recipe.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

const schema = z.strictObject({
  name: z.string(),
  data: z.string().nullable().default(null),
  pretrain: z.strictObject({
    rounds: z.int().positive(),
    kind: z.enum(["average", "sgd"]).default("average"),
    variants: z.array(z.string()).min(1).default(["glob"]),
    inner: z.strictObject({ warmupSteps: z.int(), peak: z.number() }).partial().default({}),
  }),
  sources: z.record(
    z.string().regex(/^[a-z]+$/, "expected lower-case letters"),
    z.union([
      z.strictObject({ generator: z.string(), size: z.int() }),
      z.strictObject({ train: z.union([z.string(), z.array(z.string())]) }),
    ]),
  ).default({}),
});

/** Loads `main` of some files of a fresh folder; `ROOT` in what it throws stands for that folder. */
async function load(
  files: Readonly<Record<string, string>>,
  set: readonly string[] = [],
  name = "main",
): Promise<z.infer<typeof schema>> {
  let recipe: z.infer<typeof schema> | undefined;
  await inTemporaryFolder(async (folder) => {
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(join(folder, name), text);
    }
    try {
      recipe = await loadRecipe(name.replace("ROOT", folder), {
        folder,
        schema,
        set,
        pathKeys: ["data"],
      });
      if (recipe.data !== null) recipe.data = recipe.data.replace(folder, "ROOT");
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(error.message.replaceAll(folder, "ROOT"));
    }
  });
  return recipe!;
}

/** A recipe that is right but for what `rest` adds from line 4 on. */
const main = (rest: string) => ({
  "main.yaml": `name: m\npretrain:\n  rounds: 3\n${rest}`,
});

const refused: Readonly<Record<string, [string, string]>> = {
  "an unknown key with its nearest": [
    "  inner:\n    warmpSteps: 3\n",
    'ROOT/main.yaml:5:5: Cannot accept key "warmpSteps" in pretrain.inner: did you mean "warmupSteps"?',
  ],
  "an unknown key that resembles none": [
    "quux: 1\n",
    'ROOT/main.yaml:4:1: Cannot accept key "quux" in the recipe: ' +
    "expected one of name, data, pretrain, sources",
  ],
  "a wrong type": [
    "  inner:\n    peak: high\n",
    'ROOT/main.yaml:5:11: Cannot accept pretrain.inner.peak: expected a number, found "high"',
  ],
  "a fraction for a whole number": [
    "  inner:\n    warmupSteps: 1.5\n",
    "ROOT/main.yaml:5:18: Cannot accept pretrain.inner.warmupSteps: expected a whole number, found 1.5",
  ],
  "a value outside an enumeration": [
    "  kind: mean\n",
    'ROOT/main.yaml:4:9: Cannot accept pretrain.kind: expected one of average, sgd, found "mean"',
  ],
  "an empty list": [
    "  variants: []\n",
    "ROOT/main.yaml:4:13: Cannot accept pretrain.variants: " +
    "expected a list of at least 1 item, found an empty list",
  ],
  "a map for a list": [
    "  variants: {a: 1}\n",
    "ROOT/main.yaml:4:13: Cannot accept pretrain.variants: expected a list, found a map",
  ],
  "an item of a list": [
    "  variants:\n    - glob\n    - 7\n",
    "ROOT/main.yaml:6:7: Cannot accept pretrain.variants.1: expected text, found 7",
  ],
  "an unknown key in the alternative that was meant": [
    "sources:\n  it: { generator: x, sise: 3, size: 3 }\n",
    'ROOT/main.yaml:5:23: Cannot accept key "sise" in sources.it: did you mean "size"?',
  ],
  "a bad name of a map's key": [
    "sources:\n  IT: { train: x }\n",
    'ROOT/main.yaml:5:3: Cannot accept key "IT" in sources: expected lower-case letters',
  ],
};

for (const [what, [text, message]] of Object.entries(refused)) {
  Deno.test(`loadRecipe() refuses ${what}, with line and column`, async () => {
    await assert.rejects(load(main(text)), { name: "UsageError", message });
  });
}

Deno.test("loadRecipe() names a missing key and where its map is", async () => {
  await assert.rejects(load({ "main.yaml": "name: m\npretrain:\n  kind: sgd\n" }), {
    message: 'ROOT/main.yaml:2:1: Cannot find key "rounds" in pretrain: expected a number',
  });
});

Deno.test("loadRecipe() tells every mistake at once", async () => {
  const error: Error = await load(main("  kind: 1\nsauces: {}\n")).then(
    () => assert.fail("it was accepted"),
    (error) => error,
  );
  assert.deepEqual(error.message.split("\n").map((line) => line.slice(0, 19)), [
    "ROOT/main.yaml:4:9:",
    "ROOT/main.yaml:5:1:",
  ]);
});

Deno.test("loadRecipe() gives line and column of broken YAML and of a repeated key", async () => {
  await assert.rejects(
    load(main("  kind: [a\n")),
    /^UsageError: ROOT\/main\.yaml:5:1: Cannot read YAML/,
  );
  await assert.rejects(load(main("name: again\n")), /ROOT\/main\.yaml:4:1: .*unique/);
});

Deno.test("loadRecipe() takes an alias for what its anchor names, with the anchor's place", async () => {
  const aliased = main("  variants: &v [a, b]\nsources:\n  it: { train: *v }\n");
  assert.deepEqual((await load(aliased)).sources, { it: { train: ["a", "b"] } });
  await assert.rejects(
    load({ "main.yaml": "name: &n m\npretrain: {rounds: *n}\n" }),
    { message: 'ROOT/main.yaml:1:10: Cannot accept pretrain.rounds: expected a number, found "m"' },
  );
});

Deno.test("loadRecipe() refuses an alias without an anchor, and one that holds itself", async () => {
  await assert.rejects(load({ "main.yaml": "name: *gone\n" }), {
    message: 'ROOT/main.yaml:1:7: Cannot read alias "*gone": ' +
      'expected an anchor "&gone", found none before it',
  });
  await assert.rejects(load(main(""), ["pretrain.variants=*gone"]), {
    message: '--set pretrain.variants=*gone: Cannot read alias "*gone": ' +
      'expected an anchor "&gone", found none before it',
  });
  await assert.rejects(load(main("sources: &s\n  it: *s\n")), {
    message: 'ROOT/main.yaml:5:7: Cannot read alias "*s": ' +
      'expected an anchor "&s", found the alias inside of it',
  });
});

Deno.test("loadRecipe() refuses aliases that stand for too much, and brackets that nest too deep", async () => {
  const levels = Array.from(
    { length: 8 },
    (_, i) => `a${i}: &a${i} [${Array(10).fill(i === 0 ? "x" : `*a${i - 1}`)}]\n`,
  );
  await assert.rejects(
    load(main(levels.join(""))),
    /ROOT\/main\.yaml:1:1: Cannot read YAML: Excessive alias count/,
  );
  const brackets = "[".repeat(20_000) + "]".repeat(20_000);
  await assert.rejects(load(main(`data: ${brackets}\n`)), /YAML: it is nested too deep/);
});

Deno.test("loadRecipe() takes a key as it is written, though it looks like a number", async () => {
  await assert.rejects(
    load(main("sources:\n  01: { train: x }\n")),
    {
      message: 'ROOT/main.yaml:5:3: Cannot accept key "01" in sources: expected lower-case letters',
    },
  );
});

Deno.test("loadRecipe() merges maps and replaces lists along extends", async () => {
  const recipe = await load({
    "base.yaml": "name: b\npretrain: {rounds: 1, variants: [glob, trim], inner: {peak: 1}}\n",
    "middle.yaml": "extends: base.yaml\npretrain: {inner: {warmupSteps: 5}}\n",
    "main.yaml": "extends: middle\nname: m\npretrain: {rounds: 2, variants: [spec]}\n",
  });
  assert.equal(recipe.name, "m");
  assert.deepEqual(recipe.pretrain, {
    rounds: 2,
    kind: "average",
    variants: ["spec"],
    inner: { peak: 1, warmupSteps: 5 },
  });
});

Deno.test("loadRecipe() places a mistake in the file that made it, however it is extended", async () => {
  const files = {
    "base.yaml": "name: b\npretrain:\n  rounds: 0\n",
    "main.yaml": "extends: base\nname: m\n",
  };
  await assert.rejects(load(files), {
    message: "ROOT/base.yaml:3:11: Cannot accept pretrain.rounds: expected more than 0, found 0",
  });
});

Deno.test("loadRecipe() refuses to extend itself, or what is not there", async () => {
  await assert.rejects(
    load({ "a.yaml": "extends: main\n", "main.yaml": "extends: a\n" }),
    /ROOT\/a\.yaml:1:10: Cannot extend "main": it extends this file/,
  );
  await assert.rejects(
    load({ "base.yaml": "name: b\n", "main.yaml": "extends: bace\n" }),
    /ROOT\/main\.yaml:1:10: Cannot extend "bace" \(did you mean "base"\?\)/,
  );
});

Deno.test("loadRecipe() applies --set as YAML, the last of a path last", async () => {
  const set = ["pretrain.rounds=9", "pretrain.variants=[a, b]", "pretrain.inner.peak=1e-3"];
  const recipe = await load(main(""), [...set, "pretrain.rounds=4"]);
  assert.equal(recipe.pretrain.rounds, 4);
  assert.deepEqual(recipe.pretrain.variants, ["a", "b"]);
  assert.equal(recipe.pretrain.inner.peak, 0.001);
});

Deno.test("loadRecipe() names the --set that is at fault", async () => {
  await assert.rejects(load(main(""), ["pretrain.rounds=x"]), {
    message: "--set pretrain.rounds=x: Cannot accept pretrain.rounds: " +
      'expected a number, found "x"',
  });
  await assert.rejects(load(main(""), ["pretrain.round=3"]), {
    message:
      '--set pretrain.round=3: Cannot accept key "round" in pretrain: did you mean "rounds"?',
  });
  await assert.rejects(load(main(""), ["name=run #2"]), {
    message: "--set name=run #2: Cannot accept a comment: put text with # in quotes",
  });
  assert.equal((await load(main(""), ["name='run #2'"])).name, "run #2");
  await assert.rejects(load(main(""), ["pretrain.rounds"]), /expected path\.to\.key=value/);
});

Deno.test("loadRecipe() reads a path relative to the file, and on the command line as typed", async () => {
  assert.equal((await load(main("data: texts\n"))).data, "ROOT/texts");
  for (const typed of ["mine", "run #2", "a: b", "#x"]) {
    assert.equal((await load(main("data: texts\n"), [`data=${typed}`])).data, typed);
  }
  assert.equal((await load(main("data: texts\n"), ["data=null"])).data, null);
  assert.equal((await load(main("data: texts\n"), ['data="#1"'])).data, "#1");
});

Deno.test("loadRecipe() lists the recipes there are when a name is unknown", async () => {
  await assert.rejects(
    load({ "main.yaml": "", "sample.yaml": "" }, [], "sampel"),
    /Cannot find recipe "sampel" \(did you mean "sample"\?\): there are main, sample/,
  );
  await assert.rejects(load({}, [], "ROOT/none.yaml"), /Cannot read recipe .*expected a file/);
});
