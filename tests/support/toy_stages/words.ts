/**
 * A toy stage: the words of a source, in lower case, sorted, each once.
 *
 * in   file `text`, or draws of its own
 * out  words  `words.txt`, a word a line
 */
import { Random, writeFileSynced } from "../../../base/mod.ts";
import type { Stage, StageContext, StageSummary } from "../../../pipeline/stage.ts";
import type { ToyRecipe } from "./recipe.ts";

interface WordsParams {
  readonly source: string;
  readonly count: number;
}

export const words: Stage<ToyRecipe, WordsParams> = {
  name: "words",
  description: "Sorts the words of a source",
  module: import.meta.url,
  sharesProcess: true,
  instances: (recipe) => recipe.sources.map((source) => [source]),
  declare: ({ data, count }, [source]) => ({
    ...(data === null
      ? { seeds: [`words/${source}`] }
      : { files: { text: `${data}/${source}.txt` } }),
    outputs: ["words"],
    params: { source, count },
  }),
};

export function run(
  context: StageContext<WordsParams>,
): Promise<StageSummary> {
  const text = "text" in context.files
    ? Deno.readTextFileSync(context.files.text)
    : drawn(context).join(" ");
  const found = [...new Set(text.toLowerCase().split(/\s+/).filter((word) => word !== ""))].sort();
  console.log("a library prints to the console");
  writeFileSynced(`${context.outputs.words}/words.txt`, found.join("\n") + "\n");
  context.log.info("sorted", { words: found.length });
  return Promise.resolve({ words: found.length });
}

function drawn({ seed, params }: StageContext<WordsParams>): string[] {
  const random = new Random(seed(`words/${params.source}`));
  return Array.from({ length: params.count }, () => random.below(1000).toString(36));
}
