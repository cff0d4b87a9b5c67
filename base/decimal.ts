/**
 * Numbers as people write them.
 */

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The number that a text is, `-1.5` or `6e-4`; NaN for any other text: the language would also take "", 0x10 and " 5". */
export function decimalOf(text: string): number {
  return decimal.test(text) ? Number(text) : NaN;
}
