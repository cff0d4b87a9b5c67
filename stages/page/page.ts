/**
 * The report of a recipe as data: what stage `report` writes (`report.json`) and the command `report` makes a page of.
 * No time, host, path or store in it.
 */
import type { OutputRef } from "../../pipeline/stage.ts";
import type { Figure } from "../figures/figure.ts";
import type { Table } from "../report/table.ts";

export interface Page {
  readonly format: 1;
  readonly recipe: PageRecipe;
  /** The most important one first. */
  readonly statements: readonly Statement[];
  readonly sections: readonly PageSection[];
  /** Looks of series: one label has one colour in all figures. */
  readonly styles: Readonly<Record<string, { readonly colour: string; readonly dash: string }>>;
}

/** What a reader must know of the recipe. */
export interface PageRecipe {
  readonly name: string;
  readonly description: string;
  /** Name and value, in the order to show. */
  readonly facts: readonly (readonly [name: string, value: string])[];
}

/** A sentence of the headline. */
export interface Statement {
  /** What a reader should feel: that something is shown, that something is wrong, or neither. */
  readonly tone: "good" | "bad" | "plain";
  readonly text: string;
  /** The results that it is made from. */
  readonly from: readonly OutputRef[];
}

export interface PageSection {
  /** For links. */
  readonly id: string;
  readonly title: string;
  readonly intro: string;
  readonly parts: readonly PagePart[];
}

/** Which result each input of a table or figure is, by the names that rows and series use in `from`. */
export type Origins = Readonly<Record<string, OutputRef>>;

export type PagePart =
  | { readonly kind: "table"; readonly table: Table; readonly origins: Origins }
  | {
    readonly kind: "figure";
    readonly figure: Figure;
    /** The number of the paper's figure that this is. */
    readonly number: string | null;
    /** SVG of each panel. */
    readonly drawings: readonly string[];
    readonly origins: Origins;
  }
  | { readonly kind: "examples"; readonly sources: readonly SourceExamples[] }
  /** It is not made: the recipe does not ask for it, or a run has not come so far. */
  | { readonly kind: "absent"; readonly title: string; readonly why: string };

/** The beginnings of a source's first training documents. */
export interface SourceExamples {
  readonly source: string;
  readonly texts: readonly ExampleText[];
  readonly from: OutputRef;
}

export interface ExampleText {
  readonly text: string;
  /** Whether the document goes on. */
  readonly isCut: boolean;
}

/** What a part is made from: plain data, for the key. */
export interface PartPlan {
  readonly section: string;
  readonly kind: "table" | "figure" | "examples" | "pareto" | "statements" | "absent";
  readonly name: string;
  /** For `build` of its kind. */
  readonly params: object;
  /** Whether the part is read from a result that the recipe asks for; else it is built from `origins`. */
  readonly isKept: boolean;
  readonly origins: Origins;
}

/** The name that an input of a part has among those of all. */
export function inputName({ kind, name }: PartPlan, input: string): string {
  return `${kind}/${name}/${input}`;
}

/** The name of the only input of a part that is kept. */
export const keptInput = "made";
