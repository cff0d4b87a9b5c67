/**
 * Figures as SVG: whole ones, and single panels for a page that has room for one beside another.
 */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Figure, Panel, Point, Series } from "./figure.ts";
import { type SeriesStyle, styleOfSeries } from "./series_style.ts";

const panelSize = { width: 320, height: 220 };
/** Of a figure that has one panel. */
const wholeSize = { width: 560, height: 340 };

/** Of the text around the picture: light pages and dark ones show the same one. */
const ink = "currentColor";

/** Panels side by side, three in a row; a label has one look in all. */
export function drawFigure({ title, notes, x, panels }: Figure): Promise<string> {
  const series = panels.flatMap((panel) => panel.series);
  const stroke = { symbolType: "stroke", symbolSize: 500, symbolStrokeWidth: 2 };
  const isOfDots = panels.every(({ mark }) => mark === "dot");
  const legend = { symbolOpacity: 1, ...(isOfDots ? {} : stroke) };
  // Of all labels: a scale that panels share has the colours of the first of them.
  const look = lookOf(labelsOf(series), styleOfSeries(series), legend);
  return svgOf({
    title: { text: title, subtitle: [...notes], anchor: "start" },
    columns: 3,
    concat: panels.map((panel) => ({
      ...(panels.length === 1 ? wholeSize : panelSize),
      title: panel.title,
      ...panelSpec(panel, x, look),
    })),
    resolve: { scale: { color: "shared", strokeDash: "shared", y: "independent" } },
    config: { background: "white", view: { stroke: "#ddd" } },
  });
}

/**
 * One panel without title, name of y, legend and background: the page around it has them.
 * @param styleOf The page's look of a series: one label has one colour in all figures.
 */
export async function drawPanel(
  panel: Panel,
  x: string,
  styleOf: (label: string) => SeriesStyle,
): Promise<string> {
  const rows = panel.mark === "bar" ? namesOf(panel).length * panel.series.length : 0;
  const size = panel.mark === "field"
    ? { width: { step: 44 }, height: { step: 26 } }
    : panel.mark === "bar"
    ? { width: 240, height: Math.max(60, 15 * rows) }
    : { width: 300, height: 190 };
  const svg = await svgOf({
    ...size,
    ...panelSpec({ ...panel, y: "" }, x, lookOf(labelsOf(panel.series), styleOf, null)),
    config: {
      background: null,
      view: { stroke: null },
      legend: { disable: true },
      axisLeft: { minExtent: panel.mark === undefined || panel.mark === "line" ? 40 : 0 },
      axis: {
        ...{ labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal" },
        ...{ labelColor: ink, titleColor: ink, domainColor: ink, tickColor: ink, gridColor: ink },
        ...{ gridOpacity: 0.12, domainOpacity: 0.4, tickOpacity: 0.4 },
      },
    },
  });
  // The page says in words what the whole shows; roles of single marks would only repeat it.
  return svg.replaceAll(/ (role|aria-[a-z]+)="[^"]*"/g, "");
}

/** The SVG of a specification of vega-lite. */
async function svgOf(of: object): Promise<string> {
  const { spec } = compile(of as TopLevelSpec);
  const view = new View(parse(spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** A point as the drawing reads it. */
type Value = Point & { readonly series: string; readonly isReference: boolean };

function panelSpec(
  panel: Panel,
  x: string,
  look: Look,
): { readonly data: object; readonly layer: readonly object[] } {
  const values: Value[] = panel.series.flatMap(({ label, points, isReference = false }) =>
    points.map((point) => ({ series: label, isReference, ...point }))
  );
  const title = panel.x ?? x;
  const layer = panel.mark === "field"
    ? fields(panel)
    : panel.mark === "bar"
    ? bars(panel, look)
    : panel.mark === "dot"
    ? dots(panel, title, look)
    : lines(panel, values, title, look);
  return { data: { values }, layer };
}

/** Labels, as they first come. */
function labelsOf(series: readonly Series[]): readonly string[] {
  return [...new Set(series.map(({ label }) => label))];
}

/** Colours and dashes of series. */
function lookOf(
  labels: readonly string[],
  styleOf: (label: string) => SeriesStyle,
  legend: object | null,
) {
  const styles = labels.map(styleOf);
  const channel = (range: readonly unknown[]) => ({
    field: "series",
    type: "nominal",
    title: null,
    sort: labels,
    scale: { domain: labels, range },
  });
  return {
    color: { ...channel(styles.map(({ colour }) => colour)), legend },
    strokeDash: channel(styles.map(({ dash }) => dash)),
  };
}

type Look = ReturnType<typeof lookOf>;

/** Lines of fewer points show each of them. */
const fewPoints = 12;

/** @param tickMinStep Of what is counted: there is no round 1.5. */
function quantity(title: string, isLogarithmic = false, tickMinStep?: number) {
  const scale = isLogarithmic ? { type: "log", nice: false } : { zero: false };
  return {
    type: "quantitative",
    title,
    scale,
    axis: { tickCount: 5, format: ".4~g", tickMinStep },
  };
}

/** Places with names below them. */
function places(title: string, names: readonly string[]) {
  return {
    type: "quantitative",
    title,
    scale: { domain: [1, names.length], nice: false },
    axis: {
      values: names.map((_, i) => i + 1),
      labelExpr: `${JSON.stringify(names)}[datum.value - 1]`,
      labelOverlap: false,
    },
  };
}

function lines(
  { y, isLogarithmic, isXLogarithmic, xNames, series }: Panel,
  values: readonly Value[],
  x: string,
  { color, strokeDash }: Look,
): readonly object[] {
  const isCounted = values.every((value) => Number.isInteger(value.x));
  const across = {
    field: "x",
    ...(xNames === undefined
      ? quantity(x, isXLogarithmic, isCounted ? 1 : undefined)
      : places(x, xNames)),
  };
  const up = quantity(y, isLogarithmic);
  const band = {
    mark: { type: "area", opacity: 0.2 },
    transform: [{ filter: "isValid(datum.low)" }],
    encoding: { x: across, y: { field: "low", ...up }, y2: { field: "high" }, color },
  };
  const encoding = { x: across, y: { field: "y", ...up }, color, strokeDash };
  const isShort = ({ points, isReference }: Panel["series"][number]) =>
    isReference !== true && points.length < fewPoints;
  return [
    ...(values.some(({ low }) => low !== undefined) ? [band] : []),
    {
      mark: { type: "line", point: series.some(isShort) },
      transform: [{ filter: "!datum.isReference" }],
      encoding,
    },
    ...(values.some(({ isReference }) => isReference)
      ? [{ mark: { type: "line" }, transform: [{ filter: "datum.isReference" }], encoding }]
      : []),
  ];
}

/** Bars lie, so that names of any length can be read. */
function bars(panel: Panel, { color }: Look): readonly object[] {
  const name = { field: "name", type: "nominal", title: null, sort: namesOf(panel) };
  const within = { field: "series", type: "nominal", sort: panel.series.map((it) => it.label) };
  const largest = Math.max(...panel.series.flatMap(({ points }) => points.map(({ y }) => y)));
  const format = largest < 1000 ? ".3~r" : ".3~s"; // a thousandth is 0.001, not 1m
  const length = {
    field: "y",
    type: "quantitative",
    title: panel.y,
    axis: { tickCount: 4, format },
  };
  const encoding = { y: name, yOffset: within, x: length };
  return [
    { mark: { type: "bar" }, encoding: { ...encoding, color } },
    {
      mark: { type: "text", align: "left", dx: 3, fontSize: 10, color: ink },
      encoding: { ...encoding, text: { field: "y", type: "quantitative", format } },
    },
  ];
}

/** Dots, with a line in steps through those that nothing beats. */
function dots(
  { y, isLogarithmic, isXLogarithmic }: Panel,
  x: string,
  { color }: Look,
): readonly object[] {
  const encoding = {
    x: { field: "x", ...quantity(x, isXLogarithmic) },
    y: { field: "y", ...quantity(y, isLogarithmic) },
  };
  const transform = [{ filter: "datum.isOnFrontier" }];
  return [
    {
      mark: { type: "line", interpolate: "step-after", color: ink, opacity: 0.4 },
      transform,
      encoding,
    },
    {
      mark: { type: "point", filled: true, size: 60, opacity: 1 },
      encoding: { ...encoding, color },
    },
    {
      mark: { type: "text", align: "left", dx: 6, dy: -6, fontSize: 10, color: ink },
      transform,
      encoding: { ...encoding, text: { field: "name", type: "nominal" } },
    },
  ];
}

/** The darker a field, the larger its share; the number stands in it. */
function fields(panel: Panel): readonly object[] {
  const top = { labelAngle: -45, orient: "top", domain: false, ticks: false };
  const encoding = {
    x: { field: "name", type: "nominal", title: null, sort: namesOf(panel), axis: top },
    y: {
      field: "series",
      type: "nominal",
      title: null,
      sort: labelsOf(panel.series),
      axis: { domain: false, ticks: false },
    },
  };
  const scale = { domain: [0, 1], range: ["#f1f5fb", "#1f4e9c"] };
  return [
    {
      mark: { type: "rect" },
      encoding: { ...encoding, color: { field: "y", type: "quantitative", scale, legend: null } },
    },
    {
      mark: { type: "text", fontSize: 10 },
      encoding: {
        ...encoding,
        text: { field: "y", type: "quantitative", format: ".0%" },
        color: { condition: { test: "datum.y > 0.5", value: "#fefefe" }, value: "#101010" },
      },
    },
  ];
}

/** The names of bars and fields, as they first come. */
function namesOf({ series }: Panel): string[] {
  return [
    ...new Set(series.flatMap(({ points }) => points.map(({ x, name }) => name ?? String(x)))),
  ];
}
