/**
 * Other segmentations than the best: the n best, and samples.
 *
 * Source: Kudo 2018, "Subword regularization", §3.3; sampling by forward filtering, backward sampling.
 */
import type { Random } from "../../base/mod.ts";
import { byteMask, endFlag, offsetShift } from "./double_array.ts";
import type { PieceSpan, UnigramEncoder } from "./unigram_encoder.ts";
import { utf8Length } from "./utf8.ts";
import type { PieceTable } from "./piece_table.ts";

/** A way to write a text, and the sum of its scores. */
export interface Path {
  readonly score: number;
  readonly pieces: readonly PieceSpan[];
}

interface Edge {
  readonly start: number;
  readonly slot: number;
  readonly score: number;
}

/**
 * The n best segmentations of the text `start … end`, best first. Of equal ones the first is that whose last piece (then
 * the one before it, …) begins earlier, word by word.
 */
export function bestPaths(
  encoder: UnigramEncoder,
  bytes: Uint8Array,
  start: number,
  end: number,
  n: number,
): Path[] {
  let whole: Path[] = [{ score: 0, pieces: [] }];
  let at = start;
  for (const to of encoder.wordEnds(bytes, start, end)) {
    const ways = bestOfWord(encoder.table, bytes, at, to, n);
    whole = bestPairs(whole, ways, n).map(([before, way]) => ({
      score: before.score + way.score,
      pieces: [...before.pieces, ...way.pieces],
    }));
    at = to;
  }
  return whole;
}

/** The n pairs with the highest sums of scores, best first, of items by descending score; of equal ones the earlier. */
export function bestPairs<
  A extends { readonly score: number },
  B extends { readonly score: number },
>(
  firsts: readonly A[],
  seconds: readonly B[],
  n: number,
): (readonly [A, B])[] {
  const pairs: { score: number; i: number; j: number }[] = [];
  for (let i = 0; i < firsts.length; i++) {
    // The pair (i, j) has (i + 1)(j + 1) - 1 pairs that are no worse before it.
    for (let j = 0; j < seconds.length && (i + 1) * (j + 1) <= n; j++) {
      pairs.push({ score: firsts[i].score + seconds[j].score, i, j });
    }
  }
  pairs.sort((a, b) => b.score - a.score || a.i - b.i || a.j - b.j);
  return pairs.slice(0, n).map(({ i, j }) => [firsts[i], seconds[j]]);
}

function bestOfWord(
  table: PieceTable,
  bytes: Uint8Array,
  start: number,
  end: number,
  n: number,
): Path[] {
  interface Way {
    readonly score: number;
    readonly edge?: Edge;
    readonly before?: Way;
    readonly rank: number;
  }
  const waysTo: Way[][] = [[{ score: 0, rank: 0 }]];
  const edges = edgesOf(table, bytes, start, end);
  for (let place = 1; place <= end - start; place++) {
    const ways = edges[place].flatMap((edge) =>
      waysTo[edge.start].map((before, rank): Way => ({
        score: before.score + edge.score,
        edge,
        before,
        rank,
      }))
    );
    ways.sort((a, b) => b.score - a.score || a.edge!.start - b.edge!.start || a.rank - b.rank);
    waysTo[place] = ways.slice(0, n);
  }
  return waysTo[end - start].map((way) => {
    const pieces: PieceSpan[] = [];
    let to = end;
    for (let at = way; at.edge !== undefined; at = at.before!) {
      const from = start + at.edge.start;
      pieces.push({ start: from, end: to, slot: at.edge.slot });
      to = from;
    }
    return { score: way.score, pieces: pieces.reverse() };
  });
}

/**
 * Draws a segmentation of the text `start … end` with a probability in proportion to the exponential of `alpha` times its
 * score: 0 draws from all alike, 1 from the language model, more from the better ones. Words are drawn from in the order of
 * the text, each from its last piece to its first.
 */
export function samplePath(
  encoder: UnigramEncoder,
  bytes: Uint8Array,
  start: number,
  end: number,
  alpha: number,
  random: Random,
): PieceSpan[] {
  const pieces: PieceSpan[] = [];
  let at = start;
  for (const to of encoder.wordEnds(bytes, start, end)) {
    const edges = edgesOf(encoder.table, bytes, at, to);
    const total = new Float64Array(to - at + 1).fill(-Infinity); // log of the sum over all ways to a place
    total[0] = 0;
    for (let place = 1; place < total.length; place++) {
      for (const edge of edges[place]) {
        total[place] = logAdd(total[place], total[edge.start] + alpha * edge.score);
      }
    }
    const drawn: PieceSpan[] = [];
    for (let place = to - at; place > 0;) {
      const ways = edges[place];
      const weights = ways.map((edge) =>
        Math.exp(total[edge.start] + alpha * edge.score - total[place])
      );
      const edge = ways[random.weighted(weights)];
      drawn.push({ start: at + edge.start, end: at + place, slot: edge.slot });
      place = edge.start;
    }
    for (const piece of drawn.reverse()) pieces.push(piece);
    at = to;
  }
  return pieces;
}

/** By place in a word, from 0 to its length: the pieces that end there, by ascending start. */
function edgesOf(table: PieceTable, bytes: Uint8Array, start: number, end: number): Edge[][] {
  const { trie: { root, slots }, scores, unknownScore } = table;
  const length = end - start;
  const edges = Array.from({ length: length + 1 }, (): Edge[] => []);
  for (let i = 0; i < length;) {
    const next = i + utf8Length(bytes[start + i]);
    let offset = root;
    let isKnown = false;
    for (let j = i; j < length;) {
      const byte = bytes[start + j++];
      const slot = offset ^ byte;
      const content = slots[slot];
      if ((content & byteMask) !== byte) break;
      offset = content >>> offsetShift;
      if ((content & endFlag) === 0) continue;
      if (j === next) isKnown = true;
      edges[j].push({ start: i, slot, score: scores[slot] });
    }
    if (!isKnown) edges[next].push({ start: i, slot: -1, score: unknownScore });
    i = next;
  }
  return edges;
}

function logAdd(a: number, b: number): number {
  if (a === -Infinity) return b;
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b));
}
