/**
 * Makes the report of what is there: of everything for the stage, of what is made by then for a run that goes on.
 */
import { readFileSync } from "node:fs";
import { group } from "../../pipeline/stage.ts";
import type { Figure, FigureKind, Series } from "../figures/figure.ts";
import { buildPareto, type ParetoParams } from "../figures/pareto.ts";
import { type SeriesStyle, styleOfSeries } from "../figures/series_style.ts";
import { paperFigureIndex, paperTableIndex } from "../report/paper_index.ts";
import type { TableKind } from "../report/kind.ts";
import type { Table } from "../report/table.ts";
import { examplesIn } from "./examples.ts";
import {
  keptInput,
  type Page,
  type PagePart,
  type PageRecipe,
  type PartPlan,
  type SourceExamples,
  type Statement,
} from "./page.ts";
import { sectionPlans } from "./sections.ts";
import { type StatementParams, statementsOf } from "./statements.ts";
import { studyStatements } from "./study_statements.ts";

/** What a report is made from, besides results. */
export interface PagePlan {
  readonly recipe: PageRecipe;
  /** Labels of series in the order of their colours; others come after them. */
  readonly labels: readonly string[];
  readonly parts: readonly PartPlan[];
}

type Inputs = Readonly<Record<string, string>>;

/** The kinds that parts are built by, see `roleOf`. */
export type Kinds = Readonly<Record<string, { readonly kind: TableKind | FigureKind }>>;

/** The role of a part's kind among the modules of the stage; undefined for what needs none. */
export function roleOf({ kind, name, isKept }: PartPlan): string | undefined {
  return isKept || (kind !== "table" && kind !== "figure") ? undefined : `${kind}-${name}`;
}

/** A part before its drawings: colours are given when all labels are known. */
type Undrawn = Exclude<PagePart, { readonly kind: "figure" }> | {
  readonly kind: "figure";
  readonly figure: Figure;
  readonly number: string | null;
  readonly origins: PartPlan["origins"];
};

/** @param inputs Folders by `inputName`; a part without all of its own is said to be absent, or made of what there is. */
export async function buildPage(
  { recipe, labels, parts }: PagePlan,
  inputs: Inputs,
  kinds: Kinds,
): Promise<Page> {
  const statements: Statement[] = [];
  const made: { section: string; part: Undrawn }[] = [];
  for (const plan of parts) {
    const own = Object.fromEntries(group(inputs, `${plan.kind}/${plan.name}`));
    if (plan.kind === "statements") {
      statements.push(...statementsOf(plan.params as StatementParams, own, plan.origins));
      continue;
    }
    const part = await build(plan, own, kinds);
    if (plan.kind === "pareto" && part.kind === "figure") {
      statements.push(...studyStatements(part.figure, plan.origins));
    }
    made.push({ section: plan.section, part });
  }
  const figures = made.flatMap(({ part }) => part.kind === "figure" ? [part.figure] : []);
  const series = [...labels.map((label) => ({ label })), ...figures.flatMap(coloured)];
  const styleOf = styleOfSeries(series);
  const drawn: { section: string; part: PagePart }[] = [];
  for (const { section, part } of made) {
    drawn.push({
      section,
      part: part.kind === "figure"
        ? { ...part, drawings: await drawings(part.figure, styleOf) }
        : part,
    });
  }
  return {
    format: 1,
    recipe,
    statements,
    sections: sectionPlans.map(({ id, title, intro }) => ({
      id,
      title,
      intro,
      parts: drawn.filter(({ section }) => section === id).map(({ part }) => part),
    })).filter(({ parts }) => parts.length > 0),
    styles: Object.fromEntries(series.map(({ label }) => {
      const { colour, dash } = styleOf(label);
      return [label, { colour, dash: dash.join(" ") }];
    })),
  };
}

/** Loaded when there is something to draw: the library is large, and every command reads this module to plan. */
async function drawings(
  { panels, x }: Figure,
  styleOf: (label: string) => SeriesStyle,
): Promise<string[]> {
  const { drawPanel } = await import("../figures/draw.ts");
  return await Promise.all(panels.map((panel) => drawPanel(panel, x, styleOf)));
}

/** Series whose colour means something. */
function coloured({ panels }: Figure): Series[] {
  return panels.filter(({ mark }) => mark !== "field").flatMap(({ series }) => series);
}

/** Figures that show what is there of a run. */
const growing: readonly string[] = ["learning", "drift", "pareto"];

async function build(plan: PartPlan, inputs: Inputs, kinds: Kinds): Promise<Undrawn> {
  const { kind, name, params, origins, isKept } = plan;
  if (kind === "absent") return { kind, ...params as { title: string; why: string } };
  const needed = isKept ? [keptInput] : Object.keys(origins);
  const missing = needed.filter((input) => inputs[input] === undefined);
  const isEnough = missing.length === 0 ||
    (growing.includes(name) && Object.keys(inputs).some((input) => input.startsWith("metrics/")) &&
      !missing.some((input) => !/^(metrics|losses)\//.test(input)));
  if (!isEnough) {
    return { kind: "absent", title: titleOf(plan), why: "what it is made from is not there" };
  }
  if (kind === "examples") return { kind, sources: await examplesOf(plan, inputs) };
  if (kind === "pareto") {
    return {
      kind: "figure",
      figure: buildPareto(params as ParetoParams, inputs),
      number: null,
      origins,
    };
  }
  const made = isKept
    ? readJson(`${inputs[keptInput]}/${kind}.json`)
    : await kinds[roleOf(plan)!].kind.build(params, inputs);
  if (kind === "table") return { kind, table: made as Table, origins };
  const figure = made as Figure;
  const [number = null] = Object.entries(paperFigureIndex)
    .find(([, entry]) => entry.name === figure.name) ?? [];
  return { kind: "figure", figure, number, origins };
}

function titleOf({ kind, name }: PartPlan): string {
  if (kind === "examples") return "text of each source";
  const index = kind === "figure" ? paperFigureIndex : paperTableIndex;
  return index[Number(name)]?.title ?? `${kind} ${name}`;
}

async function examplesOf({ origins }: PartPlan, inputs: Inputs): Promise<SourceExamples[]> {
  const all: SourceExamples[] = [];
  for (const [source, from] of Object.entries(origins)) {
    all.push({ source, from, texts: await examplesIn(inputs[source]) });
  }
  return all;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
