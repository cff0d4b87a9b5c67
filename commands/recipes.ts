/**
 * `recipes`: what can be run by name.
 */
import { recipeHead, recipeNames } from "../pipeline/recipe.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print } from "./screen.ts";

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
  const { recipes: folder } = await loadProject();
  const listed = await Promise.all(
    recipeNames(folder).map(async (name) => {
      const { description = "", study: isStudy, extends: base = null } = await recipeHead(
        name,
        folder,
      );
      return { name, description, extends: base, isStudy, isBase: name === baseName };
    }),
  );
  if (options.json) {
    print(JSON.stringify(listed, null, 2));
    return 0;
  }
  const width = Math.max(...listed.map(({ name }) => name.length));
  listed.sort((a, b) => Number(a.isBase) - Number(b.isBase));
  for (const { name, description, isStudy, isBase } of listed) {
    const text = isBase ? "what the others start from; not run by itself" : description;
    print(`${name.padEnd(width)}  ${text}${isStudy ? " (a study)" : ""}`);
  }
  return 0;
}
