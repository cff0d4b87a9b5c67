/**
 * Word statistics: few words are common, most are rare.
 */
import type { Random } from "../../base/mod.ts";

/** A thing with the weight of its rank. */
export interface Weighted<T> {
  readonly item: T;
  readonly weight: number;
}

/** Items in their order with probabilities in proportion to 1 / (rank + shift), rank from 1. Source: Mandelbrot 1953. */
export function zipf<T>(items: readonly T[], shift = 0): Weighted<T>[] {
  const raw = items.map((_, i) => 1 / (i + 1 + shift));
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return items.map((item, i) => ({ item, weight: raw[i] / total }));
}

/** `count` different items of a pool, the likelier ones more often, as a distribution of their own. */
export function zipfSample<T>(
  pool: readonly Weighted<T>[],
  count: number,
  random: Random,
): Weighted<T>[] {
  const weights = pool.map((entry) => entry.weight);
  const picked: T[] = [];
  while (picked.length < Math.min(count, pool.length)) {
    const i = random.weighted(weights);
    weights[i] = 0;
    picked.push(pool[i].item);
  }
  return zipf(picked, 1);
}
