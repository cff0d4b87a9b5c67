/**
 * Checks of the `options` that a recipe gives to a generator.
 */
import { didYouMean, UsageError } from "../../base/mod.ts";

/** @throws UsageError for options that are not an object or have a key that is not in `known`. */
export function checkKeys(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new UsageError(
      `Cannot read options of ${what}: expected an object, found ${JSON.stringify(options)}`,
    );
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new UsageError(
      `Cannot accept option "${key}" of ${what}: expected ${
        known.length === 0 ? "no options" : `one of ${known.join(", ")}`
      }${didYouMean(key, known)}`,
    );
  }
}

/**
 * Checks the options of a source and gives the length of its documents: 1 ≤ least ≤ most ≤ limit.
 * @param defaults of the two options that say the least and the most units, in this order
 * @param others further keys that the source accepts
 * @throws UsageError
 */
export function documentLength(
  what: string,
  options: object,
  defaults: Readonly<Record<string, number>>,
  limit: number,
  others: readonly string[] = [],
): { minUnits: number; maxUnits: number } {
  const [least, most] = Object.keys(defaults);
  checkKeys(what, options, [...others, least, most]);
  const given: Readonly<Record<string, unknown>> = { ...defaults, ...options };
  const minUnits = wholeNumber(what, least, given[least], 1, limit);
  return { minUnits, maxUnits: wholeNumber(what, most, given[most], minUnits, limit) };
}

/** Checks a number in [low, high]. @throws UsageError */
export function fraction(
  what: string,
  key: string,
  value: unknown,
  low: number,
  high: number,
): number {
  if (typeof value === "number" && value >= low && value <= high) return value;
  throw new UsageError(
    `Cannot use option "${key}" of ${what}: expected a number from ${low} to ${high}, found ${
      JSON.stringify(value)
    }`,
  );
}

function wholeNumber(what: string, key: string, value: unknown, low: number, high: number): number {
  if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) {
    return value as number;
  }
  throw new UsageError(
    `Cannot use option "${key}" of ${what}: expected a whole number from ${low} to ${high}, found ${
      JSON.stringify(value)
    }`,
  );
}
