/**
 * Figures as HTML: a legend, a drawing for each panel, and the same numbers as a table.
 */
import type { Page, PagePart } from "../../stages/page/mod.ts";
import { attribute, Markup, markup } from "./markup.ts";
import type { OriginLinks } from "./origins.ts";
import { fromAttribute, gridHtml, notesHtml, rowHead } from "./tables.ts";

type FigurePart = Extract<PagePart, { readonly kind: "figure" }>;
type Panel = FigurePart["figure"]["panels"][number];

/** A reader of the table wants its course, the csv file has all. */
const mostRows = 24;

/** How much larger than drawn a panel may be shown: one of several, and a curve that has the page for itself. */
const largestScales = { several: 1.25, alone: 1.8 };

export function figureHtml(
  { figure, number, drawings, origins }: FigurePart,
  styles: Page["styles"],
  links: OriginLinks,
): Markup {
  const { name, title, panels, notes, x } = figure;
  const labels = [...new Set(panels.flatMap(({ series }) => series.map(({ label }) => label)))];
  const hasLegend = panels.some(({ mark }) => mark !== "field") && labels.length > 1;
  return markup`<figure class="part" id="figure-${name}">
<h3>${title}${
    number !== null && markup` <span class="paper">Figure ${number} of the paper</span>`
  }</h3>
${
    hasLegend &&
    markup`<ul class="legend" aria-label="Lines of these figures">${
      labels.map((label) => legendItem(label, styles[label]))
    }</ul>`
  }
<div class="panels${panels.length === 1 && " one"}">${
    panels.map((panel, i) => panelHtml(panel, drawings[i], panels.length === 1))
  }</div>
<figcaption>${
    notesHtml(`of-${name}`, notes)
  }<details id="numbers-${name}"><summary>The numbers of this figure</summary>${
    panels.map((panel) => numbersHtml(panel, panel.x ?? x, (from) => links.of(origins, from)))
  }<p class="hint">All of them: <code>deno task pipeline figure ${name} --format csv</code></p></details></figcaption>
</figure>`;
}

function legendItem(label: string, style: Page["styles"][string]): Markup {
  const { colour, dash } = style;
  return markup`<li><button type="button" data-colour="${colour}" aria-pressed="false"><svg width="26" height="8" aria-hidden="true"><line x1="1" y1="4" x2="25" y2="4" stroke="${colour}" stroke-width="3"${
    attribute("stroke-dasharray", dash === "" ? undefined : dash)
  }/></svg>${label}</button></li>`;
}

function panelHtml(panel: Panel, drawing: string, isAlone: boolean): Markup {
  const words = inWords(panel);
  const largest = largestScales[isAlone && (panel.mark ?? "line") === "line" ? "alone" : "several"];
  // Drawings of one figure share a scale: a small one is not blown up to the width of its column.
  const width = Number(/ width="(\d+)"/.exec(drawing)?.[1] ?? 0) * largest;
  const attributes = `${attribute("aria-label", words).text} style="max-width:${
    Math.round(width)
  }px"`;
  const svg = drawing.replace(/^<svg/, () => `<svg role="img"${attributes}`);
  return markup`<div class="panel"><h4>${panel.title}</h4><p class="unit">${
    panel.mark === "field" ? "" : panel.y
  }</p>${new Markup(svg)}</div>`;
}

/** What a reader who does not see a drawing must know of it. */
function inWords({ title, mark = "line", y, series }: Panel): string {
  const ends = series.filter(({ points }) => points.length > 0)
    .map(({ label, points }) => ({ label, first: points[0], last: points.at(-1)! }));
  if (ends.length === 0) return `${title}: nothing to draw yet`;
  const rest = "The numbers are in the table below.";
  if (mark === "field") return `${title}: a field for each pair. ${rest}`;
  if (mark === "bar" || mark === "dot") {
    return `${title}, ${y}: ${
      series.map(({ label, points }) =>
        `${label}: ${
          points.slice(0, 12).map(({ x, name, y }) => `${name ?? short(x)} ${short(y)}`).join(", ")
        }`
      ).join("; ")
    }. ${rest}`;
  }
  return `${title}, ${y}: ${
    ends.slice(0, 12).map(({ label, first, last }) =>
      `${label} from ${short(first.y)} to ${short(last.y)}`
    ).join("; ")
  }. ${rest}`;
}

/** A row for each x, a column for each series; fields have a row for each series. */
function numbersHtml(
  panel: Panel,
  x: string,
  placesOf: (from: readonly string[]) => number[],
): Markup {
  const { title, series, mark } = panel;
  const across = [...new Set(series.flatMap(({ points }) => points.map((point) => nameOf(point))))];
  const values = series.map(({ points }) => new Map(points.map((it) => [nameOf(it), it.y])));
  if (mark === "field") {
    const rows = series.map(({ label, from }, i) => {
      const places = placesOf(from);
      return markup`<tr${fromAttribute(places)}>${rowHead(label, places)}${
        across.map((name) => markup`<td>${short(values[i].get(name))}</td>`)
      }</tr>`;
    });
    return gridHtml(title, ["", ...across.map(short)], rows);
  }
  const sorted = across.every((it) => typeof it === "number")
    ? across.toSorted((a, b) => Number(a) - Number(b))
    : across;
  const step = Math.ceil(sorted.length / mostRows);
  const shown = sorted.filter((_, i) => (sorted.length - 1 - i) % step === 0);
  const rows = shown.map((name) =>
    markup`<tr><th scope="row">${short(name)}</th>${
      values.map((value, i) =>
        markup`<td${fromAttribute(placesOf(series[i].from))}>${short(value.get(name))}</td>`
      )
    }</tr>`
  );
  const every = step > 1 ? `, every ${step}th` : "";
  return gridHtml(`${title}: ${panel.y}`, [
    `${title} · ${x}${every}`,
    ...series.map(({ label }) => label),
  ], rows);
}

function nameOf({ x, name }: Panel["series"][number]["points"][number]): string | number {
  return name ?? x;
}

/** At most four significant digits. */
function short(value: number | string | undefined): string {
  if (value === undefined) return "–";
  return typeof value === "string" ? value : String(+value.toPrecision(4));
}
