/**
 * A figure as SVG.
 */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Figure, Panel } from "./figure.ts";

const panelSize = { width: 320, height: 220 };

/** Panels side by side, three in a row; colours mean the same in all. */
export async function drawFigure(figure: Figure): Promise<string> {
  const { spec } = compile({
    title: { text: figure.title, subtitle: [...figure.notes], anchor: "start" },
    columns: 3,
    concat: figure.panels.map((panel) => panelSpec(panel, figure.x)),
    resolve: { scale: { color: "shared", y: "independent" } },
    config: { background: "white", view: { stroke: "#ddd" } },
  } as TopLevelSpec);
  const view = new View(parse(spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

function panelSpec({ title, y, isLogarithmic, series }: Panel, x: string) {
  const values = series.flatMap(({ label, points }) =>
    points.map((point) => ({ series: label, ...point }))
  );
  const scale = isLogarithmic ? { type: "log", nice: false } : { zero: false };
  const colour = {
    field: "series",
    type: "nominal",
    title: null,
    legend: { symbolOpacity: 1, symbolType: "stroke" },
    sort: series.map(({ label }) => label),
  };
  const xAxis = { field: "x", type: "quantitative", title: x, scale: { zero: false } };
  const hasBand = values.some(({ low }) => low !== undefined);
  return {
    ...panelSize,
    title,
    data: { values },
    layer: [
      ...(hasBand
        ? [{
          mark: { type: "area", opacity: 0.2 },
          transform: [{ filter: "isValid(datum.low)" }],
          encoding: {
            x: xAxis,
            y: { field: "low", type: "quantitative", title: y, scale },
            y2: { field: "high" },
            color: colour,
          },
        }]
        : []),
      {
        mark: { type: "line", point: series.some(({ points }) => points.length < 20) },
        encoding: {
          x: xAxis,
          y: { field: "y", type: "quantitative", title: y, scale },
          color: colour,
        },
      },
    ],
  };
}
