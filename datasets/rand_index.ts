/**
 * How far two ways to group the same things agree.
 */

/**
 * The adjusted Rand index: 1 for the same groups under any names, 0 on average for groups drawn by chance. Where both put everything
 * into one group, or each thing into its own, it is 1.
 *
 * @param a, b The group of each thing, by any numbers.
 * @throws RangeError for lists of different lengths
 * Source: Hubert and Arabie 1985, equation 5.
 */
export function adjustedRandIndex(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    throw new RangeError(
      `Cannot compare groups: expected as many of both, found ${a.length} and ${b.length}`,
    );
  }
  const [rows, columns, both] = [
    new Map<number, number>(),
    new Map<number, number>(),
    new Map<string, number>(),
  ];
  for (let i = 0; i < a.length; i++) {
    rows.set(a[i], (rows.get(a[i]) ?? 0) + 1);
    columns.set(b[i], (columns.get(b[i]) ?? 0) + 1);
    both.set(`${a[i]} ${b[i]}`, (both.get(`${a[i]} ${b[i]}`) ?? 0) + 1);
  }
  const pairs = (counts: Iterable<number>) => {
    let sum = 0;
    for (const count of counts) sum += count * (count - 1) / 2;
    return sum;
  };
  const [ofA, ofB, all] = [pairs(rows.values()), pairs(columns.values()), pairs([a.length])];
  const expected = all === 0 ? 0 : ofA * ofB / all;
  const most = (ofA + ofB) / 2;
  return most === expected ? 1 : (pairs(both.values()) - expected) / (most - expected);
}
