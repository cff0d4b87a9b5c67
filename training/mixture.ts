/**
 * Windows of all sources at once, for baselines and continuation.
 *
 * Source: DEPT §3.3: p ∝ n^τ over the sources' training tokens n.
 */
import { type MixturePosition, mixtureWeights, openMixture } from "../datasets/mod.ts";
import { openStream, type SeedOf, type TrainingSource, type WindowCut } from "./source.ts";
import type { CountedWindows } from "./windows.ts";

/** Where the mixture stands, and how many windows a worker has read of each source. */
type WorkerPosition = MixturePosition & { readonly read: Readonly<Record<string, number>> };

/** Position and seek are exact at the boundaries of batches, where a step begins. */
export function mixtureWindows(
  sources: readonly Pick<TrainingSource, "name" | "train">[],
  tau: number,
  shape: WindowCut & { readonly batchSize: number },
  seed: SeedOf,
): CountedWindows {
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
): CountedWindows {
  const weights = mixtureWeights(sources.map(({ train }) => train.tokens), tau);
  const streams = new Map(sources.map((source) => [
    source.name,
    openStream(source, cut, seed(`order/${source.name}/global`)),
  ]));
  const mixture = openMixture({
    streams,
    weights: new Map(sources.map(({ name }, k) => [name, weights[k]])),
    seed: seed("order/mixture"),
  });
  // Whole batches are drawn, so that their rows do not depend on the size of micro-batches.
  let rest: Int32Array[] = [];
  /** Windows of this worker's own part, by source. */
  let read: Record<string, number> = Object.fromEntries(sources.map(({ name }) => [name, 0]));
  return {
    next() {
      if (rest.length === 0) {
        const own = mixture.next(workers * batchSize)
          .slice(worker * batchSize, (worker + 1) * batchSize);
        for (const { source } of own) read[source]++;
        rest = own.map(({ tokens }) => tokens);
      }
      return rest.shift()!;
    },
    get position() {
      return { ...mixture.position, read: { ...read } };
    },
    seek(position) {
      rest = [];
      const { read: readBefore, ...place } = position as WorkerPosition;
      read = { ...readBefore };
      mixture.seek(place);
    },
    get exposure() {
      return [...streams].map(([source, { windows: epochWindows }]) => ({
        source,
        windows: read[source],
        epochWindows,
      }));
    },
  };
}
