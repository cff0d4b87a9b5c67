/**
 * The recipes that ship: each is valid and makes a plan. What they make is tested elsewhere.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { project } from "../../commands/dept.ts";
import { expand } from "../../pipeline/instances.ts";
import { loadStudy, recipeNames } from "../../pipeline/recipe.ts";
import type { Recipe } from "../../stages/mod.ts";

for (const name of recipeNames(project.recipes).filter((name) => name !== "base")) {
  Deno.test(`recipe ${name} is valid and makes a plan`, async () => {
    const data = Deno.makeTempDirSync();
    const load = (set: readonly string[]) =>
      loadStudy(name, { ...project, folder: project.recipes, set });
    let study = await loadStudy(name, { ...project, check: undefined, folder: project.recipes });
    const recipe = study.recipe as Recipe;
    if (recipe.sources === null) {
      for (const source of [...recipe.outOfDistribution, ..."abcdefgh"]) {
        Deno.mkdirSync(join(data, source));
        for (const split of ["train", "validation"]) {
          Deno.writeTextFileSync(join(data, source, `${split}.jsonl`), "");
        }
      }
    }
    study = await load(recipe.sources === null ? [`data=${data}`] : []);
    const instances = expand(project.stages, study);
    Deno.removeSync(data, { recursive: true });
    assert.ok(instances.size > 10, `${instances.size} instances`);
    assert.equal(study.recipe.name, name);
    // A study's axes show in names, and what does not depend on them is shared.
    if (study.axes.length === 0) return;
    const ids = [...instances.keys()];
    for (const axis of study.axes) assert.ok(ids.some((id) => id.includes(`@${axis}=`)), axis);
    assert.ok(ids.some((id) => !id.includes("@")));
  });
}
