/**
 * Lays a lattice's edges: which candidates of two and more characters begin at which place.
 */
import { maxSegmentLength } from "./config.ts";
import { edgeOf, type Range } from "./lattice.ts";
import type { Allocate } from "./memory.ts";
import type { Segments } from "./segments.ts";
import type { GroupedPlaces, Substrings } from "./substrings.ts";

/** Arrays for the counted edges. */
export interface EdgeRoom {
  /** By block of places: the first edge of its first place. */
  readonly blockEdges: Int32Array;
  readonly edges: Int32Array;
}

/** Each place has the edges of those before it in its block to count: a table by place would be large. */
const blockBits = 3;

/** The room for `edgeCounts` edges by place. Fills `firstEdges` by segment; the end of the last segment's edges follows. */
export function edgeStarts(
  { starts }: Segments,
  edgeCounts: Uint8Array,
  firstEdges: Int32Array,
  allocate: Allocate,
): EdgeRoom {
  const blockEdges = allocate(Int32Array, (edgeCounts.length >> blockBits) + 1);
  let count = 0;
  for (let place = 0, s = 0; place < edgeCounts.length; place++) {
    if ((place & ((1 << blockBits) - 1)) === 0) blockEdges[place >> blockBits] = count;
    if (place === starts[s] + s) firstEdges[s++] = count;
    count += edgeCounts[place];
  }
  firstEdges[starts.length - 1] = count;
  return { blockEdges, edges: allocate(Int32Array, count) };
}

/**
 * For each place of a range of characters: how many edges begin there, into `edgeCounts`, if there is no `room`; otherwise
 * these edges, shorter ones first, into it.
 *
 * @param candidates by substring: its number as a candidate, -1 for none
 */
export function layEdges(
  { sorted, groups }: GroupedPlaces,
  range: Range,
  { size, from, to, length }: Omit<Substrings, "frequency">,
  candidates: Int32Array,
  edgeCounts: Uint8Array,
  room?: EdgeRoom,
): void {
  // Substrings that begin at the current place, each the beginning of the next: their edges and where they end in `sorted`.
  const edge = new Int32Array(maxSegmentLength);
  const end = new Int32Array(maxSegmentLength);
  const last = groups[range.to];
  for (let i = groups[range.from], s = 0, depth = 0; i < last; i++) {
    while (depth > 0 && end[depth - 1] <= i) depth--;
    for (; s < size && from[s] === i; s++) {
      if (candidates[s] < 0 || length[s] === 1) continue;
      edge[depth] = edgeOf(candidates[s], length[s]);
      end[depth++] = to[s];
    }
    const place = sorted[i];
    if (room === undefined) edgeCounts[place] = depth;
    else if (depth > 0) {
      const block = place >> blockBits;
      let first = room.blockEdges[block];
      for (let other = block << blockBits; other < place; other++) first += edgeCounts[other];
      for (let k = 0; k < depth; k++) room.edges[first + k] = edge[k];
    }
  }
}
