/**
 * Draws a figure of results: one instance per name, also by the number that it has in the paper.
 *
 * in   what the kind of figure asks for
 * out  figure  `figure.svg`; `figure.json` and `figure.csv`: its points
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
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
    const { inputs, params, files = {} } = kind.declare(recipe, name);
    const project = new URL("../", import.meta.url);
    return {
      inputs,
      params,
      files: Object.fromEntries(
        Object.entries(files).map(([file, path]) => [file, fileURLToPath(new URL(path, project))]),
      ),
      outputs: ["figure"],
      uses: { kind: module },
      weight: 0.01,
    };
  },
};

export async function run(
  { params, inputs, files, outputs, modules: { kind: { kind } } }: StageContext<
    object,
    object,
    FigureModules
  >,
): Promise<StageSummary> {
  return await writeFigure(outputs.figure, kind.build(params, inputs), files.drawing);
}

/** Writes the three files of a figure. @param drawing An SVG file that is the picture; without one it is drawn. */
export async function writeFigure(
  folder: string,
  made: Figure,
  drawing?: string,
): Promise<StageSummary> {
  const write = (file: string, text: string) => writeFileSynced(`${folder}/${file}`, text);
  write("figure.json", JSON.stringify(made, null, 2) + "\n");
  write("figure.csv", figureCsv(made));
  write("figure.svg", drawing === undefined ? await drawn(made) : readFileSync(drawing, "utf8"));
  return { panels: made.panels.length };
}

/** Its library is loaded here: it is large, and every command reads this module to plan. */
async function drawn(figure: Figure): Promise<string> {
  const { drawFigure } = await import("./figures/draw.ts");
  return await drawFigure(figure);
}
