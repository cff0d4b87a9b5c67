/**
 * Which of what is ready starts first.
 */
import type { Instances } from "./instances.ts";
import type { InstanceId } from "./stage.ts";

/**
 * The weight of the heaviest chain that begins with each instance: its own and that of what needs it, to the end of the plan. What
 * begins the heaviest chain starts first (list scheduling by the critical path), so that no long chain is left for the end, where
 * it would run alone.
 *
 * @param ids What is to be made, each after those that it needs
 */
function chainWeights(
  ids: readonly InstanceId[],
  instances: Instances,
): ReadonlyMap<InstanceId, number> {
  const after = new Map<InstanceId, number>();
  const weights = new Map<InstanceId, number>();
  for (const id of ids.toReversed()) {
    const { needs, declaration } = instances.get(id)!;
    const weight = declaration.weight + (after.get(id) ?? 0);
    weights.set(id, weight);
    for (const needed of needs) after.set(needed, Math.max(after.get(needed) ?? 0, weight));
  }
  return weights;
}

/** What is ready, in the order of starting: the heaviest chain first, of chains that weigh the same the first in the plan. */
export class StartQueue {
  /** Ids by rank. */
  readonly #ordered: readonly InstanceId[];
  readonly #ranks: ReadonlyMap<InstanceId, number>;
  /** Ranks of what is ready, ascending. */
  readonly #ready: number[] = [];

  /** @param ids All that may become ready, each after those that it needs */
  constructor(ids: readonly InstanceId[], instances: Instances) {
    const weights = chainWeights(ids, instances);
    this.#ordered = ids.toSorted((a, b) => weights.get(b)! - weights.get(a)!); // a stable sort
    this.#ranks = new Map(this.#ordered.map((id, rank) => [id, rank]));
  }

  get size(): number {
    return this.#ready.length;
  }

  /** Adds an instance, unless it is not to be made. */
  add(id: InstanceId): void {
    const rank = this.#ranks.get(id);
    if (rank === undefined) return;
    const at = this.#placeOf(rank);
    if (this.#ready[at] !== rank) this.#ready.splice(at, 0, rank);
  }

  delete(id: InstanceId): void {
    const rank = this.#ranks.get(id);
    if (rank === undefined) return;
    const at = this.#placeOf(rank);
    if (this.#ready[at] === rank) this.#ready.splice(at, 1);
  }

  /** The first that may start, which stays in the queue; those after it are not asked about. */
  first(mayStart: (id: InstanceId) => boolean): InstanceId | undefined {
    const rank = this.#ready.find((rank) => mayStart(this.#ordered[rank]));
    return rank === undefined ? undefined : this.#ordered[rank];
  }

  /** Where a rank stands, or would stand. */
  #placeOf(rank: number): number {
    let [low, high] = [0, this.#ready.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ready[middle] < rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
