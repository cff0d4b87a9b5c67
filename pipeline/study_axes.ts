/**
 * The axes of a study on which an instance depends: they are in its name, and cells with the same values on them share it.
 */
import { canonicalJson, sha256 } from "../base/mod.ts";
import type { Declaration } from "./declaration.ts";
import type { Stage, Study } from "./stage.ts";

/** An instance as it is declared in one cell. */
export interface Declared {
  readonly base: string;
  readonly stage: Stage;
  readonly parts: readonly string[];
  readonly declaration: Declaration;
  readonly rootSeed: number;
  /** Undefined for what is declared over all cells. */
  readonly cell: number | undefined;
  readonly inputs: Map<string, { readonly maker: Declared; readonly output: string }>;
}

/**
 * The axes, sorted, on which an instance depends: a step along such an axis alone changes the instance or something it needs.
 *
 * @param ordered Every instance of every cell, each after those it needs.
 */
export function shownAxes(
  ordered: readonly Declared[],
  { axes, cells }: Study<unknown>,
): (one: Declared) => readonly string[] {
  if (axes.length === 0) return () => [];
  const digests = new Map<Declared, string>();
  /** By base id: the digest in each cell; absent where the cell has no such instance. */
  const byBase = new Map<string, Map<number, string>>();
  for (const one of ordered) {
    const digest = declarationDigest(one, digests);
    digests.set(one, digest);
    if (one.cell === undefined) continue;
    if (!byBase.has(one.base)) byBase.set(one.base, new Map());
    byBase.get(one.base)!.set(one.cell, digest);
  }
  const neighbours = axes.map((axis) => [axis, pairsAlong(axis, axes, cells)] as const);
  const shown = new Map<string, readonly string[]>();
  for (const [base, ofCells] of byBase) {
    const changing = neighbours.filter(([, pairs]) =>
      pairs.some(([a, b]) => ofCells.get(a) !== ofCells.get(b))
    );
    shown.set(base, changing.map(([axis]) => axis));
  }
  return (one) => one.cell === undefined ? [] : shown.get(one.base)!;
}

/** The digest of all declared facts that enter a key, together with the digests of what the instance needs. */
function declarationDigest(one: Declared, known: ReadonlyMap<Declared, string>): string {
  const { stage, declaration: { params, files, uses, seeds }, rootSeed } = one;
  const inputs = [...one.inputs].map(([name, { maker, output }]) =>
    [name, `${known.get(maker)}#${output}`] as const
  );
  return sha256(canonicalJson({
    stage: stage.name,
    module: stage.module,
    params,
    files,
    uses,
    seeds: seeds.length > 0 ? [rootSeed, ...seeds] : [],
    inputs: Object.fromEntries(inputs),
  }));
}

/** Pairs of cells that differ only on one axis: each cell with the first cell of its kind. */
function pairsAlong(
  axis: string,
  axes: readonly string[],
  cells: Study<unknown>["cells"],
): [number, number][] {
  const first = new Map<string, number>();
  return cells.map(({ values }, cell) => {
    const others = JSON.stringify(axes.filter((it) => it !== axis).map((it) => values[it]));
    if (!first.has(others)) first.set(others, cell);
    return [first.get(others)!, cell];
  });
}
