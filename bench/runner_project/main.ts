/**
 * A synthetic project for measurements of the runner: the real command line over instances that do next to nothing.
 */
import { fileURLToPath } from "node:url";
import type { Project } from "../../commands/project.ts";
import { runCommandLine } from "../../commands/main.ts";
import { file } from "./file.ts";
import { layer } from "./layer.ts";
import { schema } from "./recipe.ts";

const project: Project = {
  root: fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, ""),
  recipes: import.meta.dirname!,
  schema,
  stages: [layer, file],
  formatTable: () => Promise.resolve(""),
};

if (import.meta.main) {
  Deno.exit(await runCommandLine(Deno.args, () => Promise.resolve(project)));
}
