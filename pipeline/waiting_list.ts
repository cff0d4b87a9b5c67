/**
 * Which instances are to be looked at again, as others are made: each waits for one that it lacks, not for all of them.
 */
import type { InstanceId } from "./stage.ts";

export class WaitingList {
  readonly #places: ReadonlyMap<InstanceId, number>;
  #due: Set<InstanceId>;
  /** Who is looked at when an instance is made. */
  readonly #waiting = new Map<InstanceId, InstanceId[]>();

  /** @param ids In the order of the plan; all are due at first. */
  constructor(ids: readonly InstanceId[]) {
    this.#places = new Map(ids.map((id, place) => [id, place]));
    this.#due = new Set(ids);
  }

  /** What is due, in the order of the plan. It is no longer due then. */
  take(): readonly InstanceId[] {
    const places = this.#places;
    const taken = [...this.#due].sort((a, b) => places.get(a)! - places.get(b)!);
    this.#due = new Set();
    return taken;
  }

  /** Makes an instance due, if it is one of the plan's. */
  look(id: InstanceId): void {
    if (this.#places.has(id)) this.#due.add(id);
  }

  /** Lets an instance wait for another that is not made. */
  wait(id: InstanceId, needed: InstanceId): void {
    const others = this.#waiting.get(needed);
    if (others === undefined) this.#waiting.set(needed, [id]);
    else others.push(id);
  }

  /** Makes due what waits for an instance. */
  made(needed: InstanceId): void {
    for (const id of this.#waiting.get(needed) ?? []) this.look(id);
    this.#waiting.delete(needed);
  }
}
