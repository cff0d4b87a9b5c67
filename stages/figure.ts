/**
 * Draws a figure of results: one instance per name, also by the number that it has in the paper.
 *
 * in   what the kind of figure asks for
 * out  figure  `figure.svg`; `figure.json` and `figure.csv`: its points
 */
import { writeFileSynced } from "../base/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import { type Figure, figureCsv, type FigureKind } from "./figures/figure.ts";
import { figureEntry } from "./figures/kinds.ts";
import type { Recipe } from "./recipe.ts";
import { figurePrefix } from "./study_names.ts";

interface FigureModules {
  readonly kind: { readonly kind: FigureKind };
}

export const figure: Stage<Recipe, object, object, FigureModules> = {
  name: "figure",
  description: "Draws a figure of results",
  module: import.meta.url,
  instances: (recipe) => recipe.figures.map((name) => [name]),
  // Another name than there is has an error of its own; those over a study are another stage's.
  onRequest: (_recipe, parts) => parts.length === 1 && !parts[0].startsWith(figurePrefix),
  declare(recipe, [name]) {
    const { kind, module } = figureEntry(name);
    return {
      ...kind.declare(recipe, name),
      outputs: ["figure"],
      uses: { kind: module },
      weight: 0.01,
    };
  },
};

export async function run(
  { params, inputs, outputs, modules: { kind: { kind } } }: StageContext<
    object,
    object,
    FigureModules
  >,
): Promise<StageSummary> {
  return await writeFigure(outputs.figure, kind.build(params, inputs));
}

/** Writes the three files of a figure. */
export async function writeFigure(folder: string, made: Figure): Promise<StageSummary> {
  const write = (file: string, text: string) => writeFileSynced(`${folder}/${file}`, text);
  write("figure.json", JSON.stringify(made, null, 2) + "\n");
  write("figure.csv", figureCsv(made));
  // Loaded here: its library is large, and every command reads this module to plan.
  const { drawFigure } = await import("./figures/draw.ts");
  write("figure.svg", await drawFigure(made));
  return { panels: made.panels.length };
}
