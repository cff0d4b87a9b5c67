/**
 * `recipes`: what can be run by name.
 */
import { recipeHead, recipeNames } from "../pipeline/recipe.ts";
import type { PipelineCommand, Project } from "./project.ts";

interface RecipesOptions {
  readonly json?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) => command.option("--json", "print one JSON list"),
  act: recipes,
};

/** The recipe of defaults. */
const baseName = "base";

/** Lists the project's recipes with a line each. What only others extend is not run by itself, and says so. */
async function recipes(
  loadProject: () => Promise<Project>,
  options: RecipesOptions,
): Promise<number> {
  const project = await loadProject();
  const names = recipeNames(project.recipes);
  const heads = await Promise.all(
    names.map(async (name) => ({ name, ...await recipeHead(name, project.recipes) })),
  );
  const listed = heads.map(({ name, description = "", study, ...head }) => ({
    name,
    description,
    extends: head.extends ?? null,
    isStudy: study,
    isBase: name === baseName,
  }));
  if (options.json) {
    console.log(JSON.stringify(listed, null, 2));
    return 0;
  }
  const width = Math.max(...names.map((name) => name.length));
  for (const { name, description, isStudy } of listed.filter(({ isBase }) => !isBase)) {
    console.log(`${name.padEnd(width)}  ${description}${isStudy ? " (a study)" : ""}`);
  }
  for (const { name } of listed.filter(({ isBase }) => isBase)) {
    console.log(`${name.padEnd(width)}  what the others start from; not run by itself`);
  }
  return 0;
}
