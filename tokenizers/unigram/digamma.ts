/**
 * The digamma function ψ, derivative of log Γ, for x > 0.
 *
 * Source: Abramowitz and Stegun 1964, 6.3.5 (recurrence) and 6.3.18 (asymptotic series); error below 1e-14.
 */
export function digamma(x: number): number {
  let shift = 0;
  for (; x < 10; x++) shift -= 1 / x;
  const r = 1 / (x * x);
  const series = r *
    (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * 691 / 32760)))));
  return shift + Math.log(x) - 0.5 / x - series;
}
