/**
 * Windows of all sources at once, for baselines and continuation.
 *
 * Source: DEPT §3.3: p ∝ n^τ over the sources' training tokens n.
 */
import { type MixturePosition, mixtureWeights, openMixture } from "../datasets/mod.ts";
import { openStream, type SeedOf, type TrainingSource, type WindowCut } from "./source.ts";
import type { WindowSource } from "./windows.ts";

/** Position and seek are exact at the boundaries of batches, where a step begins. */
export function mixtureWindows(
  sources: readonly Pick<TrainingSource, "name" | "train">[],
  tau: number,
  shape: WindowCut & { readonly batchSize: number },
  seed: SeedOf,
): WindowSource {
  return workerWindows(sources, tau, { ...shape, worker: 0, workers: 1 }, seed);
}

/**
 * The windows of one of several workers: of each batch that all take together, `workers` × `batchSize` windows, its own part.
 * Position and seek are exact at the boundaries of batches.
 */
export function workerWindows(
  sources: readonly Pick<TrainingSource, "name" | "train">[],
  tau: number,
  { batchSize, worker, workers, ...cut }: WindowCut & {
    readonly batchSize: number;
    /** From 0. */
    readonly worker: number;
    readonly workers: number;
  },
  seed: SeedOf,
): WindowSource {
  const weights = mixtureWeights(sources.map(({ train }) => train.tokens), tau);
  const mixture = openMixture({
    streams: new Map(sources.map((source) => [
      source.name,
      openStream(source, cut, seed(`order/${source.name}/global`)),
    ])),
    weights: new Map(sources.map(({ name }, k) => [name, weights[k]])),
    seed: seed("order/mixture"),
  });
  // Whole batches are drawn, so that their rows do not depend on the size of micro-batches.
  let rest: Int32Array[] = [];
  return {
    next() {
      if (rest.length === 0) {
        rest = mixture.next(workers * batchSize)
          .slice(worker * batchSize, (worker + 1) * batchSize)
          .map(({ tokens }) => tokens);
      }
      return rest.shift()!;
    },
    get position() {
      return mixture.position;
    },
    seek(position) {
      rest = [];
      mixture.seek(position as MixturePosition);
    },
  };
}
