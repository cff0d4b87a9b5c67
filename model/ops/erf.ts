/**
 * The error function in float64.
 *
 * Source: Abramowitz and Stegun 1964, 7.1.6: erf x = 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)). All terms have one sign,
 * so nothing cancels.
 */
export function erf(x: number): number {
  if (Math.abs(x) >= 6) return Math.sign(x); // 1 − erf(6) = 2e-17, below half a unit in the last place
  if (Number.isNaN(x)) return x;
  let term = x;
  let sum = 0;
  for (let n = 1; sum + term !== sum; n++) {
    sum += term;
    term *= 2 * x * x / (2 * n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}
