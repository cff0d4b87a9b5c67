/**
 * Which sources take part in a round, S_t. No variant enters: all see the same sources in the same rounds, except that weights are
 * of windows, which tokenizers of the sources' own cut differently.
 *
 * Source: DEPT Algorithm 1, line 2 (`uniform`). UniMax: Chung et al. 2023 (arXiv 2304.09151), Algorithm 1.
 */
import { Random, type Seed } from "../base/mod.ts";
import type { PretrainSettings } from "./settings.ts";
import type { SeedOf } from "./source.ts";

interface Drawing extends
  Pick<
    PretrainSettings,
    "sourceSampling" | "sourcesPerRound" | "rounds" | "localSteps" | "batchSize"
  > {
  /** Training windows of each source that pre-training may read, by name. */
  readonly windows: ReadonlyMap<string, number>;
}

/** Names of the sources of a round, in their order. @param round From 1. */
export function roundSources(drawing: Drawing, round: number, seed: SeedOf): string[] {
  const { sourceSampling, sourcesPerRound, windows } = drawing;
  const names = [...windows.keys()];
  if (sourceSampling === "uniform") {
    return sampleSources(names, sourcesPerRound, seed(`round/${round}/sources`));
  }
  if (sourceSampling === "cycle") return cycledSources(names, sourcesPerRound, round, seed);
  const weights = sourceSampling.kind === "temperature"
    ? new Map(names.map((name) => [name, windows.get(name)! ** sourceSampling.tau]))
    : unimaxBudgets(windows, sourceSampling.epochs, totalWindows(drawing));
  return weightedSources(weights, sourcesPerRound, seed(`round/${round}/sources`));
}

/** Windows that all rounds read together. */
function totalWindows({ rounds, sourcesPerRound, localSteps, batchSize }: Drawing): number {
  return rounds * sourcesPerRound * localSteps * batchSize;
}

/** Drawn uniformly without replacement. */
export function sampleSources(names: readonly string[], count: number, seed: Seed): string[] {
  return new Random(seed).shuffle([...names].sort()).slice(0, count).sort();
}

/**
 * Sources take turns: all of them in a shuffled order, cut into rounds, then in another order. A source that its round already has,
 * where one order ends and the next begins within it, comes in the round after. So counts differ by at most one.
 */
export function cycledSources(
  names: readonly string[],
  count: number,
  round: number,
  seed: SeedOf,
): string[] {
  const sorted = [...names].sort();
  const waiting: string[] = [];
  let taken: string[] = [];
  for (let t = 1, order = 1; t <= round; t++) {
    taken = [];
    while (taken.length < count) {
      const next = waiting.findIndex((name) => !taken.includes(name));
      if (next >= 0) taken.push(...waiting.splice(next, 1));
      else waiting.push(...new Random(seed(`round/cycle-${order++}/sources`)).shuffle([...sorted]));
    }
  }
  return taken.sort();
}

/**
 * Drawn one after the other without replacement, each time in proportion to the weights of those that are left. Large weights are
 * thereby a little flattened where a round has many sources.
 */
export function weightedSources(
  weights: ReadonlyMap<string, number>,
  count: number,
  seed: Seed,
): string[] {
  const random = new Random(seed);
  const left = [...weights.keys()].sort();
  return Array.from({ length: count }, () => {
    const at = random.weighted(left.map((name) => weights.get(name)!));
    return left.splice(at, 1)[0];
  }).sort();
}

/**
 * How many of `total` windows each source gives: as even as can be where none gives more than `epochs` times what it has. The
 * smallest sources are served first, and what they cannot give is shared among the rest.
 */
export function unimaxBudgets(
  windows: ReadonlyMap<string, number>,
  epochs: number,
  total: number,
): Map<string, number> {
  const ascending = [...windows].sort(([a, n], [b, m]) => n - m || (a < b ? -1 : 1));
  let left = total;
  return new Map(ascending.map(([name, count], i) => {
    const given = Math.min(left / (ascending.length - i), epochs * count);
    left -= given;
    return [name, given];
  }));
}
