/**
 * An instance with an input from outside the store, however large: it looks at its size alone.
 *
 * in   file  `data`
 * out  size  `size.txt`
 */
import type { Stage, StageContext } from "../../pipeline/stage.ts";
import type { SyntheticRecipe } from "./recipe.ts";

export const file: Stage<SyntheticRecipe> = {
  name: "file",
  description: "Notes a file's size",
  module: import.meta.url,
  instances: ({ file }) => (file === null ? [] : [["size"]]),
  declare: ({ file }) => ({ files: { data: file! }, outputs: ["size"], params: {} }),
};

export function run({ files, outputs }: StageContext): Promise<void> {
  Deno.writeTextFileSync(`${outputs.size}/size.txt`, String(Deno.statSync(files.data).size));
  return Promise.resolve();
}
