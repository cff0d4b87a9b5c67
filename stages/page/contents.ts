/**
 * What stands where in a report, and what each part is made from.
 */
import { UsageError } from "../../base/mod.ts";
import type { OutputRef, Study } from "../../pipeline/stage.ts";
import { figureEntry } from "../figures/kinds.ts";
import { declarePareto } from "../figures/pareto.ts";
import { paperFigureIndex } from "../report/paper_index.ts";
import { tableEntry } from "../report/kinds.ts";
import type { Recipe } from "../recipe.ts";
import { allSources, isOnlyCosted } from "../sources.ts";
import { figurePrefix, studyTables, tablePrefix } from "../study_names.ts";
import { type Kinds, roleOf } from "./build.ts";
import { inputName, keptInput, type PartPlan } from "./page.ts";
import { sectionPlans } from "./sections.ts";
import { declareStatements } from "./statements.ts";

/** What the report of a recipe, or of a cell of its study, is made from. */
export function partsOfRecipe(recipe: Recipe): readonly PartPlan[] {
  const rest = new Set(recipe.tables);
  const hasText = !isOnlyCosted(recipe);
  const parts = sectionPlans.flatMap(({ id, tables, always, figures }) => {
    const listed = tables.flatMap((start) => [...rest].filter((name) => name.startsWith(start)));
    const names = new Set([...listed, ...always.filter((name) => hasText || rest.has(name))]);
    for (const name of names) rest.delete(name);
    return [
      ...(hasText ? figures.map((name) => partOf(recipe, id, "figure", name)) : []),
      ...[...names].map((name) => partOf(recipe, id, "table", name)),
      ...(id === "data" && hasText ? [examplesOf(recipe)] : []),
    ];
  });
  return [declareStatements(recipe), ...parts];
}

/** What the report of a study as a whole is made from. */
export function partsOfStudy(study: Study<Recipe>): readonly PartPlan[] {
  const { inputs, params } = declarePareto(study);
  const kept = (kind: "table" | "figure", name: string): PartPlan => ({
    ...{ section: "study", kind, name, params: {}, isKept: true },
    origins: { [keptInput]: `${kind}/${name}#${kind}` },
  });
  const drawn = (study.recipe.study?.figures ?? []).filter((name) => name !== "pareto");
  const parts = [
    ...drawn.map((name) => kept("figure", `${figurePrefix}${name}`)),
    ...studyTables(study.recipe).map((name) => kept("table", `${tablePrefix}${name}`)),
  ];
  const base = { section: "study", kind: "pareto", name: "pareto", isKept: false } as const;
  return [{ ...base, params, origins: inputs }, ...parts];
}

/** The inputs of all parts. */
export function inputsOfParts(parts: readonly PartPlan[]): Record<string, OutputRef> {
  return Object.fromEntries(parts.flatMap((part): [string, OutputRef][] => {
    if (part.isKept) return [[inputName(part, keptInput), keptRef(part)]];
    return Object.entries(part.origins).map(([name, ref]) => [inputName(part, name), ref]);
  }));
}

/** The modules of the kinds that parts are built by, by `roleOf`. */
export function kindModules(parts: readonly PartPlan[]): Record<string, string> {
  return Object.fromEntries(parts.flatMap((part) => {
    const role = roleOf(part);
    return role === undefined ? [] : [[role, entryOf(part.kind as "table", part.name).module]];
  }));
}

/** The kinds themselves, for whoever builds parts where no stage runs. */
export function kindsOf(parts: readonly PartPlan[]): Kinds {
  return Object.fromEntries(parts.flatMap((part) => {
    const role = roleOf(part);
    return role === undefined ? [] : [[role, entryOf(part.kind as "table", part.name)]];
  }));
}

function entryOf(kind: "table" | "figure", name: string) {
  return kind === "table" ? tableEntry(name) : figureEntry(name);
}

function keptRef({ kind, name }: PartPlan): OutputRef {
  return `${kind}/${name}#${kind}`;
}

function partOf(
  recipe: Recipe,
  section: string,
  kind: "table" | "figure",
  name: string,
): PartPlan {
  // A recipe may list a figure by its number in the paper.
  const listed = kind === "table"
    ? recipe.tables.find((it) => it === name)
    : recipe.figures.find((it) => (paperFigureIndex[Number(it)]?.name ?? it) === name);
  try {
    const entry = entryOf(kind, name);
    const own = "name" in entry ? entry.name : name;
    const { inputs, params } = entry.kind.declare(recipe, own);
    return listed === undefined
      ? { section, kind, name, params, isKept: false, origins: inputs }
      : { section, kind, name: listed, params: {}, isKept: true, origins: inputs };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const params = { title: `${kind} ${name}`, why: error.message };
    return { section, kind: "absent", name, params, isKept: false, origins: {} };
  }
}

function examplesOf(recipe: Recipe): PartPlan {
  const origins = allSources(recipe).slice(0, mostExamples)
    .map((source) => [source, `documents/${source}/train#documents`] as const);
  return {
    ...{ section: "data", kind: "examples", name: "examples", params: {}, isKept: false },
    origins: Object.fromEntries(origins),
  };
}

/** Sources of which text is shown. */
const mostExamples = 40;
