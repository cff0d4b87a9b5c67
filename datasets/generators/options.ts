/**
 * Checks of the `options` that a recipe gives to a generator.
 */
import { didYouMean, UsageError } from "../../base/mod.ts";

/** @throws UsageError for options that are no object or have a key not in `known`. */
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

/** Checks a range of whole numbers, 1 ≤ min ≤ max ≤ limit. @throws UsageError */
export function checkRange(
  what: string,
  [minKey, min]: readonly [string, unknown],
  [maxKey, max]: readonly [string, unknown],
  limit: number,
): { minUnits: number; maxUnits: number } {
  const lowest = wholeNumber(what, minKey, min, 1, limit);
  return { minUnits: lowest, maxUnits: wholeNumber(what, maxKey, max, lowest, limit) };
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
