/**
 * Places values in one piece of memory, from the times at which they live. Times and sizes are known before anything runs.
 */

/** Bytes that live from one time to another, both included. */
export interface Lifetime {
  readonly name: string;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

export interface Arena {
  /** Where each one begins. */
  readonly offsets: ReadonlyMap<string, number>;
  readonly bytes: number;
  readonly lifetimes: readonly Lifetime[];
}

/** What addresses are multiples of: as the driver's own allocations are. */
const alignment = 256;

export function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Largest first, each at the lowest place that is free for as long as it lives. Equal ones go by time, then by name. */
export function placeAll(lifetimes: readonly Lifetime[]): Arena {
  const order = [...lifetimes].sort((a, b) =>
    b.bytes - a.bytes || a.from - b.from || (a.name < b.name ? -1 : 1)
  );
  const placed: { readonly life: Lifetime; readonly offset: number; readonly end: number }[] = [];
  const offsets = new Map<string, number>();
  let bytes = 0;
  for (const life of order) {
    const size = aligned(life.bytes);
    const taken = placed.filter((other) => other.life.from <= life.to && life.from <= other.life.to)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of taken) {
      if (offset + size <= other.offset) break;
      offset = Math.max(offset, other.end);
    }
    placed.push({ life, offset, end: offset + size });
    offsets.set(life.name, offset);
    bytes = Math.max(bytes, offset + size);
  }
  return { offsets, bytes, lifetimes };
}
