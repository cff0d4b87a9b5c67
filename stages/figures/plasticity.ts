/**
 * Plasticity: perplexity along continuation from random embeddings, a panel per source and one for all.
 *
 * Source: DEPT Fig. 3.
 */
import { curvesOf, kind as table, type PlasticityParams } from "../report/plasticity.ts";
import type { FigureKind } from "./figure.ts";

export const kind: FigureKind<PlasticityParams> = {
  names: ["plasticity"],
  declare: table.declare,
  build(params, inputs) {
    return {
      name: "plasticity",
      title: "Perplexity along continuation from random embeddings",
      x: "step",
      panels: curvesOf(params, inputs).map(({ place, inputOf, curves }) => ({
        title: place,
        y: "perplexity",
        isLogarithmic: true,
        series: curves.map(([label, curve]) => ({
          label,
          points: [...curve].map(([x, y]) => ({ x, y })),
          from: [inputOf(label)],
        })),
      })),
      notes: ["single sources: validation text; all sources: training text"],
    };
  },
};
