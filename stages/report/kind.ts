/**
 * What a kind of table or figure is: a module that exports `kind`, which is listed in `kinds.ts` beside it.
 */
import type { OutputRef } from "../../pipeline/stage.ts";
import type { Recipe } from "../recipe.ts";
import type { Table } from "./table.ts";

// deno-lint-ignore no-explicit-any -- the lists of kinds hold kinds of any parameters
export interface Kind<Made, Params extends object = any> {
  /** Of the tables or figures of this kind. */
  readonly names: readonly string[];
  /** What a recipe must say for it, where not every recipe does. */
  readonly needs?: string;
  /** @throws UsageError where the recipe lacks something for it. */
  declare(recipe: Recipe, name: string): {
    /** Results that it is made from; they are computed when it is asked for. */
    readonly inputs: Inputs;
    /** What `build` must know of the recipe. */
    readonly params: Params;
    /** Of a figure that is drawn by hand: `drawing`, an SVG file of this project. */
    readonly files?: Readonly<Record<string, string>>;
  };
  /** Makes it from the folders of its inputs. */
  build(params: Params, inputs: Readonly<Record<string, string>>): Made;
  /** The same over several seeds, where their results say more together than the means of their tables do. */
  buildOfSeeds?(params: Params, inputs: readonly Readonly<Record<string, string>>[]): Made;
  /** The same over all cells of a study, where it says how one differs from another. */
  buildOfCells?(axes: readonly string[], cells: readonly StudyCellInputs<Params>[]): Made;
}

/** What a table over the cells of a study reads of one of them. */
export interface StudyCellInputs<Params> {
  /** Its values on the axes. */
  readonly values: readonly string[];
  readonly params: Params;
  /** For each seed its inputs, and what their names begin with in the whole table. */
  readonly seeds: readonly {
    readonly prefix: string;
    readonly inputs: Readonly<Record<string, string>>;
  }[];
}

// deno-lint-ignore no-explicit-any -- as above
export type TableKind<Params extends object = any> = Kind<Table | Promise<Table>, Params>;

/** A kind and its module, which `run` imports: the part of the code digest that is this kind's own. */
export type KindWithModule<Found> = readonly [kind: Found, module: string];

export type Inputs = Readonly<Record<string, OutputRef>>;

/** Inputs `<group>/<id>`, one for each id. */
export function inputsOf(
  group: string,
  ids: readonly string[],
  output: (id: string) => OutputRef,
): Inputs {
  return Object.fromEntries(ids.map((id) => [`${group}/${id}`, output(id)]));
}

/** `metrics/<variant>`: the metrics of pre-training. */
export function metricsInputs(variants: readonly string[]): Inputs {
  return inputsOf("metrics", variants, (id) => `pretrain/${id}#metrics`);
}

/** `<group>/<source>`: statistics of the sources' tokens. */
export function statisticsInputs(
  group: string,
  sources: readonly string[],
  vocabulary: "global" | "own",
): Inputs {
  return inputsOf(group, sources, (source) => `tokenize/${source}/${vocabulary}#statistics`);
}

/** `rate/<variant>`: the rates that the recipe searches for. */
export function rateInputs({ tune }: Recipe): Inputs {
  return inputsOf("rate", tune.variants, (id) => `tune/${id}#rate`);
}
