/**
 * `recipes`: what can be run by name, and a recipe with all that it extends.
 */
import { UsageError } from "../base/mod.ts";
import { recipeHead, recipeNames } from "../pipeline/recipe.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print } from "./screen.ts";
import { loadPlainRecipe } from "./session.ts";

interface RecipesOptions {
  readonly json?: boolean;
  readonly show?: string;
  readonly set?: readonly string[];
}

export const command: PipelineCommand = {
  declare: (command) =>
    command
      .option("--show <name|file>", "print every key of a recipe, with what it extends")
      .option(
        "--set <path=value>",
        "override a key of the recipe that is shown (repeatable)",
        (value: string, before: readonly string[] = []) => [...before, value],
      )
      .option("--json", "print JSON")
      .addHelpText("after", examples),
  act: (project, options: RecipesOptions) =>
    options.show === undefined ? recipes(project, options) : show(project, options.show, options),
};

/** The recipe of defaults. */
const baseName = "base";

/** Lists the project's recipes with a line each. What only others extend is not run by itself, and says so. */
async function recipes(
  loadProject: () => Promise<Project>,
  options: RecipesOptions,
): Promise<number> {
  if (options.set !== undefined) {
    throw new UsageError("Cannot accept --set: expected --show NAME beside it, found none");
  }
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

/** Prints a recipe as it is run: every key, paths absolute. Another recipe that says only this means the same. */
async function show(
  loadProject: () => Promise<Project>,
  recipe: string,
  { set, json }: RecipesOptions,
): Promise<number> {
  const resolved = await loadPlainRecipe(await loadProject(), { recipe, set, store: ".artifacts" });
  if (json) print(JSON.stringify(resolved, null, 2));
  else print((await import("yaml")).stringify(resolved, { lineWidth: 0 }).trimEnd());
  return 0;
}

const examples = `
Examples:
  deno task pipeline recipes
  deno task pipeline recipes --show sample
  deno task pipeline recipes --show multilingual --set model.bias=false --json`;
