/**
 * A toy stage: where each walk ended; on request also how many words each source has.
 */
import { UsageError, writeFileSynced } from "../../../base/mod.ts";
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
  onRequest: (_recipe, [name]) => name === "words" || name === "none",
  declare: ({ sources, rules, title }, [name]) => ({
    inputs: name === "words" ? wordsOf(sources) : name === "none" ? refuse() : Object.fromEntries(
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

function wordsOf(sources: readonly string[]) {
  return Object.fromEntries(
    sources.map((source) => [`words/${source}`, `words/${source}#words` as const]),
  );
}

function refuse(): never {
  throw new UsageError('Cannot make table "none": expected a recipe that has one, found toy');
}

export function run({ inputs, outputs, params }: StageContext<TableParams>): Promise<void> {
  const lines = (path: string) => Deno.readTextFileSync(path).trim().split("\n");
  const rows = [
    ...[...group(inputs, "walk")].map(([name, folder]) => ({
      name,
      end: Number(lines(`${folder}/walk.txt`).at(-1)),
    })),
    ...[...group(inputs, "words")].map(([name, folder]) => ({
      name,
      end: lines(`${folder}/words.txt`).length,
    })),
  ];
  writeFileSynced(`${outputs.table}/table.json`, JSON.stringify({ title: params.title, rows }));
  return Promise.resolve();
}
