/**
 * Moments and decimals of typed columns, exact: never rounded to what a number or a `Date` can hold.
 */

/** A moment in units of 10^-digits s since 1970: a `Date` where that is exact, else text. */
export function instant(value: bigint, digits: number): Date | string {
  const unit = 10n ** BigInt(digits);
  const fraction = ((value % unit) + unit) % unit;
  const seconds = (value - fraction) / unit;
  const millis = digits <= 3
    ? fraction * 10n ** BigInt(3 - digits)
    : fraction / 10n ** BigInt(digits - 3);
  const date = new Date(Number(seconds) * 1000 + Number(millis));
  if (Number.isNaN(date.getTime())) return `${value} * 10^-${digits} s since 1970-01-01`;
  if (digits <= 3 || fraction % 10n ** BigInt(digits - 3) === 0n) return date;
  return date.toISOString().replace(/\.\d+Z$/, `.${String(fraction).padStart(digits, "0")}Z`);
}

/** unscaled / 10^scale: the nearest number where the digits fit into one, else text. */
export function decimalOf(unscaled: bigint, scale: number): number | string {
  const isExact = unscaled >= -(2n ** 53n) && unscaled <= 2n ** 53n && Math.abs(scale) <= 22;
  if (isExact) return Number(`${unscaled}e${-scale}`);
  if (scale <= 0 || scale > 100) return `${unscaled}${scale === 0 ? "" : `e${-scale}`}`;
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
