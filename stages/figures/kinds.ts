/**
 * Figures by name. A new kind is a file beside this one and a line here.
 */
import { didYouMean, UsageError } from "../../base/mod.ts";
import { paperFigureIndex } from "../report/paper_index.ts";
import type { FigureKind } from "./figure.ts";
import { kind as plasticity } from "./plasticity.ts";
import { kind as scaling } from "./scaling.ts";
import { kind as stability } from "./stability.ts";

const figures: Readonly<Record<string, readonly [FigureKind, string]>> = {
  "plasticity": [plasticity, "./plasticity.ts"],
  "scaling": [scaling, "./scaling.ts"],
  "stability": [stability, "./stability.ts"],
};

export const figureNames: readonly string[] = Object.keys(figures);

export interface FigureEntry {
  readonly kind: FigureKind;
  /** The module that `run` imports: the part of the code digest that is this kind's own. */
  readonly module: string;
}

/** How a figure is made. @throws UsageError for an unknown name. */
export function figureEntry(name: string): FigureEntry {
  const own = paperFigureIndex[Number(name)]?.name ?? name;
  if (!Object.hasOwn(figures, own)) {
    throw new UsageError(
      `Cannot draw figure "${name}": expected a number of the paper's (${
        Object.keys(paperFigureIndex).join(", ")
      }) or one of ${figureNames.join(", ")}${didYouMean(name, figureNames)}`,
    );
  }
  const [kind, module] = figures[own];
  return { kind, module: new URL(module, import.meta.url).href };
}
