/**
 * Sampling from several sources at once: the STD baselines and continued pre-training.
 */
import { Random, type Seed } from "../base/mod.ts";
import { derivedSeed } from "./derived_seed.ts";
import type { StreamPosition, TokenStream } from "./token_shards.ts";

/**
 * Probability of each source under temperature τ: proportional to n^τ, n its training tokens.
 * τ = 1 is proportional sampling, τ = 0 uniform.
 *
 * Source: DEPT §3, the STD baselines: p_i ∝ n_i^τ.
 * @throws RangeError unless every count is positive and τ is in [0, 1].
 */
export function mixtureWeights(counts: ArrayLike<number>, tau: number): Float64Array {
  if (!(tau >= 0 && tau <= 1)) {
    throw new RangeError(`Cannot weigh sources: expected tau in [0, 1], found ${tau}`);
  }
  const powers = Float64Array.from(counts, (count, i) => {
    if (count > 0 && Number.isFinite(count)) return count ** tau;
    throw new RangeError(
      `Cannot weigh sources: expected a positive count for source ${i}, found ${count}`,
    );
  });
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

export interface MixtureOptions {
  /** A stream for each source; draws are in the order of sorted ids. */
  readonly streams: ReadonlyMap<string, TokenStream>;
  /** Probability (or any multiple of it) for each source. */
  readonly weights: ReadonlyMap<string, number>;
  readonly seed: Seed;
}

/** Where a mixture stands; plain data for checkpoints. */
export type MixturePosition = {
  /** Batches drawn. */
  readonly step: number;
  /** Of each source's stream. */
  readonly streams: Readonly<Record<string, StreamPosition>>;
};

export interface MixedWindow {
  readonly source: string;
  /** (T) */
  readonly tokens: Int32Array;
}

/** An endless supply of batches whose rows come from sources at random. */
export interface Mixture {
  /** The next batch. Which source row i of step s has depends on seed, weights, s and i alone. */
  next(batchSize: number): MixedWindow[];
  readonly position: MixturePosition;
  seek(position: MixturePosition): void;
}

/** @throws RangeError when a source lacks a stream or a weight, or weights are negative or all zero. */
export function openMixture({ streams, weights, seed }: MixtureOptions): Mixture {
  const sources = [...weights.keys()].sort();
  const without = sources.find((source) => !streams.has(source)) ??
    [...streams.keys()].find((source) => !weights.has(source));
  if (without !== undefined) {
    throw new RangeError(
      `Cannot mix sources: expected a stream and a weight for "${without}", found one of them`,
    );
  }
  const shares = sources.map((source) => weights.get(source)!);
  if (!(shares.every((share) => share >= 0) && shares.some((share) => share > 0))) {
    throw new RangeError(
      `Cannot mix sources: expected weights from 0, not all zero, found ${shares.join(", ")}`,
    );
  }
  let step = 0;
  return {
    next(batchSize) {
      const random = new Random(derivedSeed(seed, step++));
      return Array.from({ length: batchSize }, () => {
        const source = sources[random.weighted(shares)];
        return { source, tokens: streams.get(source)!.next() };
      });
    },
    get position() {
      const positions = sources.map((source) => [source, streams.get(source)!.position]);
      return { step, streams: Object.fromEntries(positions) };
    },
    seek(position) {
      for (const source of sources) {
        const place = position.streams[source];
        if (place === undefined) {
          throw new RangeError(
            `Cannot seek: expected a stream position for "${source}", found none`,
          );
        }
        streams.get(source)!.seek(place);
      }
      step = position.step;
    },
  };
}
