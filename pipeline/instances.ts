/**
 * From stages and a recipe to the instances of a plan: what there is and what needs what.
 */
import { UsageError } from "../base/mod.ts";
import { type Declaration, declarationOf } from "./declaration.ts";
import { type InstanceId, type Stage, type Study, suffixOf, valuesNamed } from "./stage.ts";
import { type Declared, shownAxes } from "./study_axes.ts";

/** What every recipe has. */
export interface RecipeHead {
  readonly name: string;
  readonly seed: number;
}

/** One step of the plan, as its stage declares it for the recipe. */
export interface Instance {
  /** `stage/part@axis=value`: with the axes of the study on which it depends, sorted by name. */
  readonly id: InstanceId;
  /** The id without axes. */
  readonly base: string;
  readonly stage: Stage;
  readonly parts: readonly string[];
  readonly declaration: Declaration;
  /** By input name: which output of which instance. */
  readonly inputs: ReadonlyMap<string, { readonly from: InstanceId; readonly output: string }>;
  /** Distinct instances that inputs come from, sorted. */
  readonly needs: readonly InstanceId[];
  readonly rootSeed: number;
}

/** All instances by id, each after those that it needs, else in the order of stages, cells and their instances. */
export type Instances = ReadonlyMap<InstanceId, Instance>;

/** A recipe that has no study: one cell without a name. */
export function withoutStudy<Recipe>(recipe: Recipe): Study<Recipe> {
  return { recipe, axes: [], cells: [{ values: {}, suffix: "", recipe }] };
}

/**
 * The instances of all cells. What is declared alike in several cells, with all that it needs, is one instance.
 *
 * @param requested Targets: those that a stage makes on request are instances too.
 * @throws Error when a declaration is wrong: an input that nobody makes, two instances of one name. UsageError where an input is of a
 * cell that is not there or lacks it, and for a cycle
 */
export function expand(
  stages: readonly Stage[],
  study: Study<RecipeHead>,
  requested: readonly string[] = [],
): Instances {
  const declared = declareAll(stages, study, requested);
  const ordered = inOrder(declared);
  const axesOf = shownAxes(ordered, study);
  const instances = new Map<InstanceId, Instance>();
  const ids = new Map<Declared, InstanceId>();
  for (const one of ordered) {
    const values = one.cell === undefined ? {} : study.cells[one.cell].values;
    const id = one.base + axesOf(one).map((axis) => `@${axis}=${values[axis]}`).join("");
    ids.set(one, id);
    if (instances.has(id)) continue;
    const inputs = [...one.inputs].map(([name, { maker, output }]) =>
      [name, { from: ids.get(maker)!, output }] as const
    );
    instances.set(id, {
      id,
      base: one.base,
      stage: one.stage,
      parts: one.parts,
      declaration: one.declaration,
      inputs: new Map(inputs),
      needs: [...new Set(inputs.map(([, { from }]) => from))].sort(),
      rootSeed: one.rootSeed,
    });
  }
  return instances;
}

/** Whether an instance may run in a process that runs others too, see `Stage.sharesProcess`. */
export function mayShare({ stage, declaration: { isNative, access } }: Instance): boolean {
  return stage.sharesProcess === true && !isNative && access === undefined;
}

/** Where each input comes from, by name: `tokenize/it/global#train`. */
export function parentsOf({ inputs }: Instance): Record<string, string> {
  return Object.fromEntries(
    [...inputs].map(([name, { from, output }]) => [name, `${from}#${output}`]),
  );
}

/** What stages declare, cell by cell, with inputs connected. */
function declareAll(
  stages: readonly Stage[],
  study: Study<RecipeHead>,
  requested: readonly string[],
): readonly Declared[] {
  const byCell = study.cells.map(() => new Map<string, Declared>());
  const overStudy = new Map<string, Declared>();
  const all: Declared[] = [];
  const add = (to: Map<string, Declared>, one: Declared) => {
    if (to.has(one.base)) throw new Error(`Two instances are called "${one.base}"`);
    to.set(one.base, one);
    all.push(one);
  };
  for (const stage of stages) {
    if (stage.overStudy) {
      if (study.axes.length === 0) continue;
      for (const parts of instancesOf(stage, study, requested)) {
        add(overStudy, declare(stage, parts, study, study.recipe.seed, undefined));
      }
      continue;
    }
    study.cells.forEach(({ recipe, values }, cell) => {
      const ofCell = requested.filter((target) => isOfCell(target, values));
      for (const parts of instancesOf(stage, recipe, ofCell)) {
        add(byCell[cell], declare(stage, parts, recipe, recipe.seed, cell));
      }
    });
  }
  for (const one of all) connect(one, byCell, overStudy, study);
  return all;
}

/** Whether a target may be of a cell: the axes that it names have the values of the cell. */
function isOfCell(target: string, values: Readonly<Record<string, string>>): boolean {
  return target.split("@").slice(1).every((named) => {
    const [axis, value] = named.split("=");
    return values[axis] === undefined || values[axis] === value;
  });
}

/** Parts of the instances that a stage lists, then of those that are made on request. */
function instancesOf(
  stage: Stage,
  recipe: unknown,
  requested: readonly string[],
): readonly (readonly string[])[] {
  const listed = stage.instances(recipe);
  const known = new Set(listed.map((parts) => [stage.name, ...parts].join("/")));
  const more = new Set(requested.map((target) => target.split("@")[0]));
  return [
    ...listed,
    ...[...more].filter((base) => !known.has(base)).map((base) => base.split("/"))
      .filter(([name, ...parts]) => name === stage.name && stage.onRequest?.(recipe, parts))
      .map(([, ...parts]) => parts),
  ];
}

function declare(
  stage: Stage,
  parts: readonly string[],
  recipe: unknown,
  rootSeed: number,
  cell: number | undefined,
): Declared {
  return {
    base: [stage.name, ...parts].join("/"),
    stage,
    parts,
    declaration: declarationOf(stage, recipe, parts),
    rootSeed,
    cell,
    inputs: new Map(),
  };
}

function connect(
  one: Declared,
  byCell: readonly ReadonlyMap<string, Declared>[],
  overStudy: ReadonlyMap<string, Declared>,
  study: Study<RecipeHead>,
): void {
  for (const [name, ref] of Object.entries(one.declaration.inputs)) {
    const [from, output] = splitAt(ref, ref.lastIndexOf("#"));
    const [base, named] = splitAt(from, from.indexOf("@"));
    const cell = named === undefined ? one.cell : cellNamed(`@${named}`, one, name, study);
    const maker = (cell === undefined ? undefined : byCell[cell].get(base)) ?? overStudy.get(base);
    if (maker === undefined && named !== undefined) {
      throw new UsageError(
        `Cannot plan ${one.base}: expected its input "${name}" to be an instance of cell @${named}, found no ${base} there`,
      );
    }
    if (maker === undefined || !maker.declaration.outputs.includes(output ?? "")) {
      throw new Error(
        `Cannot connect input "${name}" of ${one.base}: no instance makes "${ref}"`,
      );
    }
    one.inputs.set(name, { maker, output: output! });
  }
}

/** The cell of an input: the values that are named, and those of the instance's own cell on all other axes. */
function cellNamed(
  named: string,
  { base, cell }: Declared,
  input: string,
  { cells }: Study<RecipeHead>,
): number {
  const values = { ...(cell === undefined ? {} : cells[cell].values), ...valuesNamed(named) };
  const found = cells.findIndex((one) => one.suffix === suffixOf(values));
  if (found >= 0) return found;
  const known = cells.map(({ suffix }) => suffix).filter((suffix) => suffix !== "");
  throw new UsageError(
    `Cannot plan ${base}: expected its input "${input}" to be of a cell of the study (${
      known.join(", ") || "the recipe has none"
    }), found ${named}`,
  );
}

function splitAt(text: string, at: number): [string, string | undefined] {
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** Each after those that it needs. */
function inOrder(declared: readonly Declared[]): readonly Declared[] {
  const ordered = new Set<Declared>();
  const visiting = new Set<Declared>();
  const visit = (one: Declared) => {
    if (ordered.has(one)) return;
    if (visiting.has(one)) throw new UsageError(`Cannot plan ${one.base}: it needs itself`);
    visiting.add(one);
    for (const { maker } of one.inputs.values()) visit(maker);
    ordered.add(one);
  };
  declared.forEach(visit);
  return [...ordered];
}
