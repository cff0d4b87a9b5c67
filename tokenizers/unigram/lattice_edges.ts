/**
 * Lays a lattice's edges: which candidates begin at which place.
 */
import { maxSegmentLength } from "./config.ts";
import { edgeOf, type Range } from "./lattice.ts";
import type { PlacedText, Substrings } from "./substrings.ts";

/**
 * For each place of a range of characters: how many candidates begin there, into `firstEdge`, if there are no `edges`;
 * otherwise these candidates, shorter ones first, from the edge on that `firstEdge` tells.
 *
 * @param candidates by substring: its number as a candidate, -1 for none
 */
export function layEdges(
  { sorted, groups }: PlacedText,
  range: Range,
  { size, from, to, length }: Substrings,
  candidates: Int32Array,
  firstEdge: Int32Array,
  edges?: Int32Array,
): void {
  // Substrings that begin at the place at hand, each the beginning of the next: their edges and where they end in `sorted`.
  const edge = new Int32Array(maxSegmentLength);
  const end = new Int32Array(maxSegmentLength);
  const last = groups[range.to];
  for (let i = groups[range.from], s = 0, depth = 0; i < last; i++) {
    while (depth > 0 && end[depth - 1] <= i) depth--;
    for (; s < size && from[s] === i; s++) {
      if (candidates[s] < 0 || to[s] === i) continue;
      edge[depth] = edgeOf(candidates[s], length[s]);
      end[depth++] = to[s];
    }
    const place = sorted[i];
    if (edges === undefined) firstEdge[place] = depth;
    else {
      const first = firstEdge[place];
      for (let k = 0; k < depth; k++) edges[first + k] = edge[k];
    }
  }
}
