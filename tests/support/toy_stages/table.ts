/**
 * A toy stage: where each walk ended.
 */
import { writeFileSynced } from "../../../base/mod.ts";
import { group, type Stage, type StageContext } from "../../../pipeline/stage.ts";
import type { ToyRecipe } from "./recipe.ts";

interface TableParams {
  readonly title: string;
}

export const table: Stage<ToyRecipe, TableParams> = {
  name: "table",
  description: "Lists where walks ended",
  module: import.meta.url,
  instances: () => [["ends"]],
  declare: ({ sources, rules, title }) => ({
    inputs: Object.fromEntries(
      sources.flatMap((source) =>
        rules.map((rule) =>
          [`walk/${source}/${rule}`, `walk/${source}/${rule}#walk` as const] as const
        )
      ),
    ),
    outputs: ["table"],
    params: { title },
    weight: 0.01,
  }),
};

export function run({ inputs, outputs, params }: StageContext<TableParams>): Promise<void> {
  const rows = [...group(inputs, "walk")].map(([name, folder]) => {
    const states = Deno.readTextFileSync(`${folder}/walk.txt`).trim().split("\n");
    return { name, end: Number(states.at(-1)) };
  });
  writeFileSynced(`${outputs.table}/table.json`, JSON.stringify({ title: params.title, rows }));
  return Promise.resolve();
}
