import assert from "node:assert/strict";
import { join } from "node:path";
import { project } from "../../commands/dept.ts";
import { runCommandLine } from "../../commands/main.ts";
import { loadRecipe, recipeNames } from "../../pipeline/recipe.ts";
import { captured } from "../support/captured.ts";
import { temporaryFolder } from "../support/command_line.ts";

const show = (...args: string[]) =>
  captured(() => runCommandLine(["recipes", ...args], () => Promise.resolve(project)));

const load = (recipe: string, set?: readonly string[]) =>
  loadRecipe(recipe, { ...project, check: undefined, folder: project.recipes, set });

Deno.test("recipes --show prints every key of a recipe: as a recipe of its own it means the same", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "shown.yaml");
  for (const name of recipeNames(project.recipes)) {
    const { code, stdout, stderr } = await show("--show", name);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /^extends:/m);
    Deno.writeTextFileSync(file, stdout);
    assert.deepEqual(await load(file), await load(name), name);
  }
});

Deno.test("recipes --show takes overrides and a file, and says what it cannot", async () => {
  const set = "model.bias=true";
  const { stdout } = await show("--show", "sample", "--set", set, "--json");
  assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(await load("sample", [set]))));
  const cases: [string[], RegExp][] = [
    [["--show", "sampel"], /Cannot find recipe "sampel" \(did you mean "sample"\?\)/],
    [["--show", "sample", "--set", "model.bais=true"], /did you mean "bias"/],
    [["--set", set], /Cannot accept --set: expected --show NAME beside it, found none/],
  ];
  for (const [words, message] of cases) {
    const { code, stderr } = await show(...words);
    assert.match(stderr, message);
    assert.equal(code, 2);
  }
});
