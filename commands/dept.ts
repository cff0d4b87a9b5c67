/**
 * The project of this repository: where the machine meets the stages.
 */
import { fileURLToPath } from "node:url";
import { checkRecipe, type Recipe, recipePaths, recipeSchema, stages } from "../stages/mod.ts";
import type { Project } from "./project.ts";

export const project: Project = {
  root: fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, ""),
  recipes: fileURLToPath(new URL("../pipeline/recipes", import.meta.url)),
  schema: recipeSchema,
  pathKeys: recipePaths,
  check: (recipe) => checkRecipe(recipe as Recipe),
  async resolveEngine() {
    const { resolveAuto } = await import("./usable_engines.ts");
    return await resolveAuto();
  },
  stages,
  score: { stage: "evaluate", field: "meanBitsPerByte", name: "bits per byte" },
  async listTables() {
    const { listTables } = await import("../stages/report/mod.ts");
    return listTables();
  },
  async tableOfSizes(recipe, name, sizes) {
    const { recipeSizesNote, tableFromRecipe, withSizes } = await import("../stages/mod.ts");
    const table = await tableFromRecipe(withSizes(recipe as Recipe, sizes), name);
    const note = recipeSizesNote(recipe as Recipe, sizes);
    return { ...table, notes: [...table.notes ?? [], note] };
  },
  async headline(recipe, folderOf) {
    const { headline } = await import("../stages/page/mod.ts");
    const found = await headline(recipe as Recipe, folderOf);
    return found && { ...found, best: found.best.slice(0, found.best.lastIndexOf("#")) };
  },
  async tableOverSeeds(results) {
    const { tableOverSeeds } = await import("../stages/report/mod.ts");
    return await tableOverSeeds(results);
  },
  async formatTable(table, format) {
    const { asTable, formatTable } = await import("../stages/report/mod.ts");
    return formatTable(asTable(table), format);
  },
};
