/**
 * The best of many by score.
 */
import { zeros } from "./memory.ts";

/** Indices of the `count` highest scores (all, when there are fewer), ascending. Of equal scores the first ones are taken. */
export function selectHighest(scores: Float64Array, count: number): Int32Array {
  const size = Math.max(0, Math.min(count, scores.length));
  const selected = new Int32Array(size);
  if (size === scores.length) {
    for (let i = 0; i < size; i++) selected[i] = i;
    return selected;
  }
  if (size === 0) return selected;
  const border = nthHighest(scores, size);
  let atBorder = size; // how many of those at the border are taken
  for (let i = 0; i < scores.length; i++) if (scores[i] > border) atBorder--;
  for (let i = 0, n = 0; n < size; i++) {
    if (scores[i] > border || (scores[i] === border && atBorder-- > 0)) selected[n++] = i;
  }
  return selected;
}

/** The n-th highest score, n from 1, by Hoare's selection. */
function nthHighest(scores: Float64Array, n: number): number {
  const left = zeros(Float64Array, scores.length);
  left.set(scores);
  const at = left.length - n;
  for (let from = 0, to = left.length - 1; from < to;) {
    const [a, b, c] = [left[from], left[(from + to) >> 1], left[to]];
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c)); // the median
    let [i, j] = [from, to];
    while (i <= j) {
      while (left[i] < pivot) i++;
      while (left[j] > pivot) j--;
      if (i > j) break;
      const score = left[i];
      left[i++] = left[j];
      left[j--] = score;
    }
    if (at <= j) to = j;
    else if (at >= i) from = i;
    else break; // between the two, all are the pivot
  }
  return left[at];
}
