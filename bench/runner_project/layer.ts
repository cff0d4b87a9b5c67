/**
 * Instances in layers, each of which needs four of the layer before: enough edges for a plan of any size.
 *
 * in   <name>  values of the layer before
 * out  value   `value.txt`
 */
import type { Stage, StageContext } from "../../pipeline/stage.ts";
import type { SyntheticRecipe } from "./recipe.ts";

const neighbours = 4;

export const layer: Stage<SyntheticRecipe> = {
  name: "layer",
  description: "Writes a line",
  module: import.meta.url,
  instances: ({ layers, width }) =>
    Array.from({ length: layers * width }, (_, i) => [
      String(Math.floor(i / width)),
      String(i % width),
    ]),
  declare({ width, number, first }, [row, column]) {
    const from = Array.from(
      { length: row === "0" ? 0 : Math.min(neighbours, width) },
      (_, i) => (Number(column) + i) % width,
    );
    return {
      inputs: Object.fromEntries(
        from.map((at) => [`n${at}`, `layer/${Number(row) - 1}/${at}#value` as const]),
      ),
      outputs: ["value"],
      params: { row, column, number, first: row === "0" && column === "0" ? first : 0 },
    };
  },
};

export function run({ params, outputs }: StageContext): Promise<void> {
  Deno.writeTextFileSync(`${outputs.value}/value.txt`, JSON.stringify(params));
  return Promise.resolve();
}
