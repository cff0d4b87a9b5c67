/**
 * Sums that do not depend on order: every term is rounded to a fixed binary grid first, and sums of grid points are exact.
 */

/**
 * A number that rounds terms to a grid: `(term + rounder) - rounder`. The grid is as fine as exact sums of terms allow
 * whose absolute values add up to at most `bound` (2^51 steps or fewer), so a single term loses at most bound / 2^51.
 */
export function gridRounder(bound: number): number {
  const step = 2 ** (Math.ceil(Math.log2(Math.max(bound, 1))) - 51);
  return 1.5 * 2 ** 52 * step;
}
