/**
 * Results of a store that differ in nothing but the seed: what several runs of a recipe have left, whatever code made them.
 */
import { canonicalJson } from "../base/mod.ts";
import type { Manifest } from "../pipeline/manifest.ts";

/** Results of one instance with the same parameters, one of each seed, in the order of the seeds. */
export interface SeedSeries {
  readonly seeds: readonly string[];
  readonly manifests: readonly Manifest[];
}

/**
 * The series of at least two seeds among the results of one instance: the newest result of each seed. A result whose seed
 * cannot be told, because the store lacks what it was made from, is left out. Series are in the order of their parameters' text.
 *
 * @param all What the store has.
 */
export function seriesOverSeeds(
  results: readonly Manifest[],
  all: readonly Manifest[],
): SeedSeries[] {
  /** By parameters, then by seed. */
  const series = new Map<string, Map<number, Manifest>>();
  for (const manifest of results) {
    const seed = seedOf(manifest, all);
    if (seed === undefined) continue;
    const parameters = canonicalJson(manifest.record.params);
    const ofSeeds = series.get(parameters) ?? new Map<number, Manifest>();
    series.set(parameters, ofSeeds.set(seed, newestOf([manifest, ofSeeds.get(seed) ?? manifest])));
  }
  const inOrder = [...series].sort(([a], [b]) => a < b ? -1 : 1);
  return inOrder.filter(([, { size }]) => size > 1).map(([, ofSeeds]) => {
    const sorted = [...ofSeeds].sort(([a], [b]) => a - b);
    return {
      seeds: sorted.map(([seed]) => String(seed)),
      manifests: sorted.map(([, manifest]) => manifest),
    };
  });
}

/** The root seed that all makers of its inputs can have had; undefined if none had one, or if more than one is possible. */
function seedOf(manifest: Manifest, all: readonly Manifest[]): number | undefined {
  let possible: number[] | undefined;
  for (const { made } of makersOf(manifest, all)) {
    const roots = made.flatMap(({ record }) => record.seeds?.root ?? []);
    if (roots.length === 0) continue;
    // Counts of words are the same for each seed, so that one object may have many makers.
    possible = possible?.filter((root) => roots.includes(root)) ?? [...new Set(roots)];
  }
  return possible?.length === 1 ? possible[0] : undefined;
}

/** For each input of a result, the results of the store that have made the same bytes under the same name. */
export function makersOf(
  { record, parents = {} }: Manifest,
  all: readonly Manifest[],
): { readonly instance: string; readonly made: readonly Manifest[] }[] {
  return Object.entries(parents).map(([name, from]) => {
    const instance = from.slice(0, from.lastIndexOf("#"));
    const made = all.filter((one) =>
      one.instance === instance && Object.values(one.outputs).includes(record.inputs[name])
    );
    return { instance, made };
  });
}

/** @param manifests At least one. */
export function newestOf(manifests: readonly Manifest[]): Manifest {
  return manifests.reduce((newest, one) =>
    newest.provenance.madeAt < one.provenance.madeAt ? one : newest
  );
}
