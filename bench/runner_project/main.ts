/**
 * A synthetic project for measurements of the runner: the real command line over instances that do next to nothing.
 */
import { z } from "zod";
import { fileURLToPath } from "node:url";
import type { Project } from "../../commands/project.ts";
import { runCommandLine } from "../../commands/main.ts";
import { file } from "./file.ts";
import { layer } from "./layer.ts";

export const schema = z.strictObject({
  name: z.string(),
  description: z.string(),
  seed: z.int(),
  engine: z.strictObject({ kind: z.string(), threads: z.int() }),
  /** Instances of stage `layer`: this many layers of this width; each needs four of the layer before. */
  layers: z.int().nonnegative(),
  width: z.int().positive(),
  /** A parameter of all, or of the first instance alone. */
  number: z.int(),
  first: z.int(),
  /** An input from outside the store. */
  file: z.string().nullable(),
});

export type SyntheticRecipe = z.infer<typeof schema>;

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
