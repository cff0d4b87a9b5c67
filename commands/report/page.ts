/**
 * A report as one HTML file that needs nothing else.
 */
import { hash } from "node:crypto";
import type { PastRun } from "../../pipeline/run_history.ts";
import type {
  Page,
  PagePart,
  PageSection,
  SourceExamples,
  Statement,
} from "../../stages/page/mod.ts";
import { figureHtml } from "./figures.ts";
import { attribute, counted, Markup, markup } from "./markup.ts";
import { makingHtml } from "./making.ts";
import { anchorOf, OriginLinks } from "./origins.ts";
import type { ReportRecord } from "./records.ts";
import { fromAttribute, tableHtml } from "./tables.ts";

export interface PageOptions {
  /** Whether only what belongs to results is shown. */
  readonly isReproducible: boolean;
  /** What is going on, for a page that renews itself. */
  readonly live?: LiveState;
  /** The command that makes this page. */
  readonly command: string;
  /** Those of the store, the newest first: which of them made what. */
  readonly runs: readonly PastRun[];
}

export interface LiveState {
  /** Done and all results. */
  readonly made: number;
  readonly all: number;
  /** What runs, and what it last said. */
  readonly running: readonly { readonly id: string; readonly lastLine: string }[];
}

/** @param records Of everything that the report is made from, see `recordsOf` */
export function pageHtml(
  page: Page,
  records: readonly ReportRecord[],
  { isReproducible, live, command, runs }: PageOptions,
): string {
  const links = new OriginLinks(records);
  const { recipe, statements, sections, styles } = page;
  const script = assetText("page.js");
  const policy = [
    "default-src 'none'",
    "img-src data:",
    "style-src 'unsafe-inline'",
    `script-src 'sha256-${hash("sha256", script, "base64")}'`,
    ...(live === undefined ? [] : ["connect-src 'self'"]),
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const title = `${recipe.name}: report`;
  const learnt = ["learnt", "What was learnt"] as const;
  const entries = [
    ...(statements.length === 0 ? [] : [learnt]),
    ...sections.map(({ id, title }) => [id, title]),
    ["making", "How it was made"],
  ];
  const { text } = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${new Markup(assetText("page.css"))}</style>
</head>
<body${attribute("data-live", live === undefined ? undefined : true)}>
<a class="skip" href="#main">To the results</a>
<header><h1>${recipe.name}</h1><p>${recipe.description}</p>
<dl class="facts">${
    recipe.facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)
  }</dl></header>
<nav aria-label="Contents"><ul>${
    entries.map(([id, name]) => markup`<li id="to-${id}"><a href="#${id}">${name}</a></li>`)
  }</ul></nav>
<main id="main">
${live !== undefined && liveHtml(live)}
${
    statements.length > 0 &&
    markup`<section id="${learnt[0]}"><h2>${learnt[1]}</h2>${
      statementsHtml(statements, links)
    }</section>`
  }
${sections.map((section) => sectionHtml(section, styles, links))}
${makingHtml(records, runs, isReproducible)}
</main>
<footer><p>${
    isReproducible ? "The same results give the same file." : withCircumstances
  } Again: <code>${command}</code></p></footer>
<div id="origin" role="status" hidden></div>
<script>${new Markup(script)}</script>
</body>
</html>`;
  return `${text}\n`;
}

const withCircumstances =
  "Made from the results of a store. Times, processor and versions are no results; with --reproducible the page has none.";

function statementsHtml(statements: readonly Statement[], links: OriginLinks): Markup {
  const marks = { good: ["✓", "Shown: "], bad: ["!", "Beware: "], plain: ["·", ""] } as const;
  return markup`<ul class="statements">${
    statements.map(({ tone, text, from }) => {
      const places = links.ofResults(from);
      const [mark, spoken] = marks[tone];
      return markup`<li class="${tone}"${
        fromAttribute(places)
      }><span class="mark" aria-hidden="true">${mark}</span><p><span class="spoken">${spoken}</span>${text}${
        places.length > 0 &&
        markup` <a class="from" href="#${anchorOf(places[0])}">made from ${
          counted(places.length, "result")
        }</a>`
      }</p></li>`;
    })
  }</ul>`;
}

function sectionHtml(
  { id, title, intro, parts }: PageSection,
  styles: Page["styles"],
  links: OriginLinks,
): Markup {
  const absent = parts.filter((part) => part.kind === "absent");
  return markup`<section id="${id}"><h2>${title}</h2><p class="intro">${intro}</p>${
    parts.map((part) => partHtml(part, styles, links))
  }${absent.length > 0 && absentHtml(id, absent)}</section>`;
}

function absentHtml(
  section: string,
  parts: readonly { readonly title: string; readonly why: string }[],
): Markup {
  const titles = parts.map(({ title }) => title).join(", ");
  return markup`<details class="absent" id="absent-${section}"><summary>Not shown: ${titles}</summary><ul>${
    parts.map(({ title, why }) => markup`<li><b>${title}</b>: ${why}</li>`)
  }</ul></details>`;
}

function partHtml(part: PagePart, styles: Page["styles"], links: OriginLinks): Markup {
  switch (part.kind) {
    case "table":
      return tableHtml(part.table, part.origins, links);
    case "figure":
      return figureHtml(part, styles, links);
    case "examples":
      return markup`<div class="part" id="examples"><h3>Text of each source</h3><p class="hint">The beginnings of the first training documents, as they were read.</p>${
        part.sources.map((source) => exampleHtml(source, links))
      }</div>`;
    case "absent":
      return markup``;
    default:
      return part satisfies never;
  }
}

function exampleHtml({ source, texts, from }: SourceExamples, links: OriginLinks): Markup {
  return markup`<details id="text-${source}"${
    fromAttribute(links.ofResults([from]))
  }><summary>${source}</summary><div class="texts">${
    texts.map(({ text, isCut }) =>
      markup`<blockquote dir="auto">${text}${isCut && "…"}</blockquote>`
    )
  }</details>`;
}

function liveHtml({ made, all, running }: LiveState): Markup {
  const share = all === 0 ? 0 : 100 * made / all;
  const work = running.length > 0
    ? `; ${running.length} at work`
    : made < all
    ? "; nothing runs now"
    : "";
  return markup`<section id="live" aria-label="The run"><p><strong>${made} of ${all} results</strong> are made${work}. This page renews itself.</p><div class="progress" role="progressbar" aria-label="Results that are made" aria-valuemin="0" aria-valuemax="${all}" aria-valuenow="${made}"><span style="width:${
    share.toFixed(1)
  }%"></span></div>${
    running.length > 0 && markup`<ul>${
      running.map(({ id, lastLine }) => markup`<li><b>${id}</b> <code>${lastLine}</code></li>`)
    }</ul>`
  }</section>`;
}

function assetText(name: string): string {
  return Deno.readTextFileSync(new URL(name, import.meta.url));
}
