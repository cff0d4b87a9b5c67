/**
 * The best of many by score, ties by a rule of content: no order of storage shows in the result.
 */

/**
 * Indices of the `count` highest scores (all, when there are fewer), ascending. Of equal scores at the border those go
 * in that `compare` puts first.
 */
export function selectHighest(
  scores: Float64Array,
  count: number,
  compare: (a: number, b: number) => number,
): Int32Array {
  if (count >= scores.length) return new Int32Array(scores.length).map((_, i) => i);
  if (count <= 0) return new Int32Array(0);
  const border = scores.toSorted()[scores.length - count];
  const atBorder: number[] = [];
  let above = 0;
  for (let i = 0; i < scores.length; i++) {
    if (scores[i] > border) above++;
    else if (scores[i] === border) atBorder.push(i);
  }
  const chosen = new Set(atBorder.sort(compare).slice(0, count - above));
  const selected = new Int32Array(count);
  let n = 0;
  for (let i = 0; i < scores.length; i++) {
    if (scores[i] > border || (scores[i] === border && chosen.has(i))) selected[n++] = i;
  }
  return selected;
}
