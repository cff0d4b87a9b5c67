import assert from "node:assert/strict";
import { join } from "node:path";
import { writeSources } from "../../bench/many_sources/folder.ts";
import { expand } from "../../pipeline/instances.ts";
import { loadStudy } from "../../pipeline/recipe.ts";
import { recipeSchema, stages } from "../../stages/mod.ts";
import { projectRoot } from "../support/paths.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

/** How often folders are read while a plan of so many sources is made. */
async function foldersReadFor(sources: number): Promise<number> {
  let count = 0;
  await inTemporaryFolder(async (data) => {
    writeSources(data, sources);
    const study = await loadStudy(join(projectRoot, "bench/many_sources/recipe.yaml"), {
      folder: join(projectRoot, "pipeline/recipes"),
      schema: recipeSchema,
      set: [`data=${data}`],
    });
    const { readDirSync } = Deno;
    Deno.readDirSync = (path) => {
      count++;
      return readDirSync(path);
    };
    try {
      // Three splits, a vocabulary and two token shards of each; the global vocabulary.
      const ids = [...expand(stages, study).keys()];
      const before = ids.filter((id) => /^(documents|vocabulary|tokenize)\//.test(id));
      assert.equal(before.length, 6 * sources + 1);
    } finally {
      Deno.readDirSync = readDirSync;
    }
  });
  return count;
}

Deno.test("sourceSpecs() looks into each folder of data as often for many sources as for few", async () => {
  const [few, many] = [await foldersReadFor(5), await foldersReadFor(10)];
  // The folder of all, and those of the sources: twice as many sources, not four times.
  assert.ok(few > 5 && many <= 2 * few, `${few} folders for 5 sources, ${many} for 10`);
});
