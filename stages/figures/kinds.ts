/**
 * Figures by name. A new kind is a file beside this one and a line here.
 */
import { didYouMean, UsageError } from "../../base/mod.ts";
import { paperFigureIndex } from "../report/paper_index.ts";
import type { KindWithModule } from "../report/kind.ts";
import type { FigureKind } from "./figure.ts";
import { kind as learning } from "./learning.ts";
import { kind as costs } from "./costs.ts";
import { kind as drift } from "./drift.ts";
import { kind as method } from "./method.ts";
import { kind as overlap } from "./overlap.ts";
import { kind as plasticity } from "./plasticity.ts";
import { kind as scaling } from "./scaling.ts";
import { kind as stability } from "./stability.ts";
import { kind as transfer } from "./transfer.ts";

const kinds: readonly KindWithModule<FigureKind>[] = [
  [learning, "./learning.ts"],
  [costs, "./costs.ts"],
  [drift, "./drift.ts"],
  [method, "./method.ts"],
  [overlap, "./overlap.ts"],
  [plasticity, "./plasticity.ts"],
  [scaling, "./scaling.ts"],
  [stability, "./stability.ts"],
  [transfer, "./transfer.ts"],
];

export const figureNames: readonly string[] = kinds.flatMap(([{ names }]) => names);

/** How a figure is made, and the URL of the kind's module. @throws UsageError for an unknown name. */
export function figureEntry(name: string): { readonly kind: FigureKind; readonly module: string } {
  const own = paperFigureIndex[Number(name)]?.name ?? name;
  const found = kinds.find(([{ names }]) => names.includes(own));
  if (found !== undefined) {
    return { kind: found[0], module: new URL(found[1], import.meta.url).href };
  }
  throw new UsageError(
    `Cannot draw figure "${name}": expected a number of the paper's (${
      Object.keys(paperFigureIndex).join(", ")
    }) or one of ${figureNames.join(", ")}${didYouMean(name, figureNames)}`,
  );
}
