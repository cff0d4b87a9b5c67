import assert from "node:assert/strict";
import { dirname, join } from "node:path";
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
  files: Readonly<Record<string, string | Uint8Array>>,
  set: readonly string[] = [],
  name = "main",
): Promise<z.infer<typeof schema>> {
  let recipe: z.infer<typeof schema> | undefined;
  await inTemporaryFolder(async (folder) => {
    for (const [name, text] of Object.entries(files)) {
      Deno.mkdirSync(dirname(join(folder, name)), { recursive: true });
      Deno.writeFileSync(
        join(folder, name),
        typeof text === "string" ? new TextEncoder().encode(text) : text,
      );
    }
    try {
      recipe = await loadRecipe(name.replace("ROOT", folder), {
        folder,
        schema,
        set,
        pathKeys: [{ key: "data" }, { key: "sources.*.train", unless: "data" }],
        callerFolder: join(folder, "caller"),
      });
      recipe = JSON.parse(JSON.stringify(recipe).replaceAll(folder, "ROOT"));
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
  assert.deepEqual((await load(aliased)).sources, { it: { train: ["ROOT/a", "ROOT/b"] } });
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
  await assert.rejects(load(main(""), ["pretrain.rounds=2 # two"]), {
    message: "--set pretrain.rounds=2 # two: Cannot accept a comment: put text with # in quotes",
  });
  await assert.rejects(load(main(""), ["pretrain.rounds"]), /expected path\.to\.key=value/);
});

Deno.test("loadRecipe() takes the text of --set as it is typed where the key holds text, else as YAML", async () => {
  const nameOf = async (typed: string) => (await load(main(""), [`name=${typed}`])).name;
  for (const typed of ["run #2", "a: b", "#x", "01", "1e3", "true", "null", "[a", "*x", "a, b"]) {
    assert.equal(await nameOf(typed), typed);
  }
  assert.equal(await nameOf("'run #2'"), "run #2");
  const trainOf = async (typed: string) =>
    (await load(main("sources: {it: {train: x}}\n"), [`sources.it.train=${typed}`])).sources.it;
  assert.deepEqual(await trainOf("/a: b #c"), { train: "/a: b #c" });
  assert.deepEqual(await trainOf("[/a, /b]"), { train: ["/a", "/b"] });
});

Deno.test("loadRecipe() takes a path relative to the file that says it, on the command line to the caller's folder", async () => {
  assert.equal((await load(main("data: texts\n"))).data, "ROOT/texts");
  for (const typed of ["mine", "run #2", "a: b", "#x"]) {
    const { data } = await load(main("data: texts\n"), [`data=${typed}`]);
    assert.equal(data, `ROOT/caller/${typed}`);
  }
  assert.equal((await load(main("data: texts\n"), ["data=null"])).data, null);
  assert.equal((await load(main("data: texts\n"), ['data="#1"'])).data, "ROOT/caller/#1");
  const chain = {
    "base.yaml": "name: b\npretrain: {rounds: 1}\nsources: {de: {train: de.txt}}\n",
    "below/middle.yaml": "extends: ../base.yaml\nsources: {it: {train: [it.txt, http://a/b]}}\n",
    "main.yaml": "extends: below/middle.yaml\nsources: {fr: {train: /fr.txt}}\n",
  };
  assert.deepEqual((await load(chain, ["sources.es.train=es.txt"])).sources, {
    de: { train: "ROOT/de.txt" },
    it: { train: ["ROOT/below/it.txt", "http://a/b"] },
    fr: { train: "/fr.txt" },
    es: { train: "ROOT/caller/es.txt" },
  });
  // Within `data` they stay as they are: who reads them knows the folder.
  assert.deepEqual((await load(chain, ["data=d"])).sources.de, { train: "de.txt" });
});

Deno.test("loadRecipe() refuses what YAML would read as another value than it is written", async () => {
  const written: Readonly<Record<string, RegExp>> = {
    "name: .inf": /:1:7: Cannot read "\.inf": expected a finite number/,
    "name: 1e400": /:1:7: Cannot read "1e400": expected a finite number/,
    "name: 9007199254740993": /:1:7: .*expected a whole number of at most 2\^53 - 1/,
    'name: "\\ud800"': /:1:7: .*expected Unicode, found half of a surrogate pair/,
    "name: !!binary aGk=": /:1:\d+: .*a value of type "tag:yaml.org,2002:binary"/,
    "name: !other x": /:1:7: Cannot read YAML: Unresolved tag: !other/,
    "%YAML 1.1\n---\nname: yes": /:1:1: .*expected version 1\.2, found 1\.1/,
    '"1": a\n1: b': /:2:1: .*unique/,
    "? [a]\n: b": /:1:3: Cannot read a key: expected a name, found an alias, list or map/,
    "__proto__: {}": /:1:1: Cannot read key "__proto__": expected another name/,
  };
  for (const [text, message] of Object.entries(written)) {
    await assert.rejects(load({ "main.yaml": text }), { name: "UsageError", message });
  }
  await assert.rejects(load(main(""), ["sources.__proto__.train=x"]), /key "__proto__": expected/);
  await assert.rejects(load(main(""), ["pretrain.rounds=.nan"]), /Cannot read "\.nan": expected a/);
});

Deno.test("loadRecipe() refuses a file that is not UTF-8 and one that is too long", async () => {
  const latin = new Uint8Array([...new TextEncoder().encode("name: caf"), 0xe9]);
  await assert.rejects(load({ "main.yaml": latin }), /main\.yaml": expected text in UTF-8/);
  await assert.rejects(load(main(`# ${" ".repeat(5 << 20)}\n`)), /expected at most .*, found 5/);
  assert.equal((await load({ "main.yaml": `\ufeff${main("")["main.yaml"]}` })).name, "m");
});

Deno.test("loadRecipe() tells in one line that a recipe without extends lacks keys", async () => {
  await assert.rejects(load({ "main.yaml": "# of mine\nsources: {}\n" }), {
    message: "ROOT/main.yaml:2:1: Cannot read recipe: " +
      'expected "extends: base" or every key, found no name, pretrain',
  });
});

Deno.test("loadRecipe() says which key a key does not go with, not its own name", async () => {
  const both = main("sources:\n  it: { generator: x, size: 3, train: y }\n");
  await assert.rejects(load(both), {
    message: 'ROOT/main.yaml:5:32: Cannot accept key "train" in sources.it: ' +
      "it does not go with generator: x, size",
  });
});

Deno.test("loadRecipe() finds no key that a map has only from the language", async () => {
  await assert.rejects(load(main("constructor: 1\n")), /key "constructor" in the recipe: expected/);
  await assert.rejects(load(main("  toString: {a: 1}\n")), /key "toString" in pretrain: expected/);
});

Deno.test("loadRecipe() lists the recipes there are when a name is unknown", async () => {
  await assert.rejects(
    load({ "main.yaml": "", "sample.yaml": "" }, [], "sampel"),
    /Cannot find recipe "sampel" \(did you mean "sample"\?\): there are main, sample/,
  );
  await assert.rejects(load({}, [], "ROOT/none.yaml"), /Cannot read recipe .*expected a file/);
});
