/**
 * A figure as SVG.
 */
import { drawMarked, svgOf } from "./draw_panel.ts";
import type { Figure, Panel } from "./figure.ts";

const panelSize = { width: 320, height: 220 };
/** Of a figure that has one panel. */
const wholeSize = { width: 560, height: 340 };

/** Colours that are told apart, also by most colour-blind readers: Paul Tol's bright and two of his muted ones. */
const colours = [
  "#4477aa",
  "#ee6677",
  "#228833",
  "#ccbb44",
  "#66ccee",
  "#aa3377",
  "#332288",
  "#999933",
];
/** Of dashed lines. */
const greys = ["#444444", "#777777", "#aaaaaa"];

/** Panels side by side, three in a row; colours mean the same in all. */
export async function drawFigure(figure: Figure): Promise<string> {
  if (figure.panels.some(({ mark = "line" }) => mark !== "line")) return await drawMarked(figure);
  const colour = colourOf(figure);
  return await svgOf({
    title: { text: figure.title, subtitle: [...figure.notes], anchor: "start" },
    columns: 3,
    concat: figure.panels.map((panel) =>
      panelSpec(panel, figure.x, colour, figure.panels.length === 1 ? wholeSize : panelSize)
    ),
    resolve: { scale: { color: "shared", y: "independent" } },
    config: { background: "white", view: { stroke: "#ddd" } },
  });
}

/** Each label's colour: those of dashed lines are grey. */
function colourOf({ panels }: Figure): object {
  const series = panels.flatMap((panel) => panel.series);
  const labels = (dashed: boolean) => [
    ...new Set(
      series.filter(({ isReference = false }) => isReference === dashed).map(({ label }) => label),
    ),
  ];
  const [lines, references] = [labels(false), labels(true)];
  return {
    field: "series",
    type: "nominal",
    title: null,
    legend: { symbolOpacity: 1, symbolType: "stroke" },
    sort: [...lines, ...references],
    scale: {
      domain: [...lines, ...references],
      range: [
        ...lines.map((_, i) => colours[i % colours.length]),
        ...references.map((_, i) => greys[i % greys.length]),
      ],
    },
  };
}

function panelSpec(
  { title, y, isLogarithmic, isXLogarithmic = false, series }: Panel,
  x: string,
  colour: object,
  size: { readonly width: number; readonly height: number },
) {
  const values = series.flatMap(({ label, points, isReference = false }) =>
    points.map((point) => ({ series: label, isReference, ...point }))
  );
  const scaleOf = (isLog: boolean) => isLog ? { type: "log", nice: false } : { zero: false };
  const scale = scaleOf(isLogarithmic);
  const xAxis = { field: "x", type: "quantitative", title: x, scale: scaleOf(isXLogarithmic) };
  const hasBand = values.some(({ low }) => low !== undefined);
  const lines = (isReference: boolean, mark: object) => ({
    mark,
    transform: [{ filter: { field: "isReference", equal: isReference } }],
    encoding: {
      x: xAxis,
      y: { field: "y", type: "quantitative", title: y, scale },
      color: colour,
    },
  });
  return {
    ...size,
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
      lines(false, {
        type: "line",
        point: series.some(({ points, isReference }) => !isReference && points.length < 20),
      }),
      ...(series.some(({ isReference }) => isReference)
        ? [lines(true, { type: "line", strokeDash: [5, 3] })]
        : []),
    ],
  };
}
