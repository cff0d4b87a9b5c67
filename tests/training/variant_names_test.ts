/**
 * What a variant does is said in its row of the table: no other code names one.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { variantTable } from "../../training/mod.ts";
import { projectRoot } from "../support/paths.ts";

/** The rooms that may know of variants at all. */
const rooms = ["training", "stages", "commands", "bench"];

/** Where names may stand: the table, what the paper prints, and the recipe that `init` writes. */
const allowed = [
  "commands/init_recipe.ts",
  "training/variants.ts",
  "stages/report/settings.ts",
  "stages/report/paper_tables.ts",
];
/** A table of results, or an example for users. */
const isElse = /isolated-(random|pretrained)|deno task pipeline/;

Deno.test("no code outside of the table of variants compares a variant's name", () => {
  const found = rooms.flatMap((room) => [...modulesOf(room)])
    .filter((path) => !allowed.includes(path))
    .flatMap((path) =>
      namedVariants(Deno.readTextFileSync(join(projectRoot, path)))
        .map((literal) => `${path}: ${literal}`)
    );
  assert.deepEqual(found, []);
});

Deno.test("the check finds names of variants, also in part", () => {
  const found = (code: string) => namedVariants(code).length > 0;
  assert.ok(found('id === "spec"'));
  assert.ok(found("id.startsWith('std')"));
  assert.ok(found("/^isolated-(.+)$/.exec(id)"));
  assert.ok(found("`isolated-${source}`"));
  assert.ok(found('method === "std"'));
  assert.ok(found('return "isolated-"'));
  assert.ok(!found('// as "spec" does\nconst a = "special"'));
  assert.ok(!found('const name = "isolated-random";'));
});

/** Strings that are a variant's name or the beginning of one, and names of several words wherever they stand. */
function namedVariants(code: string): string[] {
  const withoutComments = code.replaceAll(/\/\*[\s\S]*?\*\/|(?<![:"'`\w])\/\/.*/g, "");
  const names = Object.entries(variantTable)
    .flatMap(([id, { costMethod }]) => [id.replace("<source>", ""), costMethod])
    .filter((name) => name !== "none"); // many other things are called so
  const beginnings = names.flatMap((name) =>
    [...name.matchAll(/-/g)].flatMap(({ index }) => [
      name.slice(0, index + 1),
      ...(index === name.length - 1 ? [] : [name.slice(0, index)]),
    ])
  ).filter((beginning) => !["local", "local-"].includes(beginning)); // words of their own
  const literals = [...withoutComments.matchAll(/(["'`])((?:\\.|(?!\1)[^\n\\])*)\1/g)]
    .map(([, , text]) => text).filter((text) => [...names, ...beginnings].includes(text));
  const longNames = new RegExp(names.filter((name) => name.includes("-")).join("|"));
  const lines = withoutComments.split("\n")
    .filter((line) => longNames.test(line) && !isElse.test(line));
  return [...new Set([...literals, ...lines.map((line) => line.trim())])];
}

function* modulesOf(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(projectRoot, folder))) {
    if (isDirectory) yield* modulesOf(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}
