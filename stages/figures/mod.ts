/**
 * Figures: what they are made of and how they are drawn.
 *
 * ```ts
 * import { figureCsv, lossFigure } from "./mod.ts";
 * const text = '{"kind":"steps","step":10,"lossNatsMean":2.5}\n';
 * console.log(figureCsv(lossFigure([{ instance: "continue/trim/random", text }])));
 * ```
 */
import type { Figure } from "./figure.ts";

export { type Figure, figureCsv, type Panel, type Point, type Series } from "./figure.ts";
export { lossFigure, type LossFigureOptions } from "./loss_curves.ts";

/** A figure as SVG. */
export async function drawFigure(figure: Figure): Promise<string> {
  const draw = await import("./draw.ts"); // its library is large
  return await draw.drawFigure(figure);
}
