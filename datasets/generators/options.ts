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
  return refuse(what, key, `a number from ${low} to ${high}`, value);
}

/** Checks one of some names. @throws UsageError */
export function oneOfNames(
  what: string,
  key: string,
  value: unknown,
  known: readonly string[],
): string {
  if (typeof value === "string" && known.includes(value)) return value;
  return refuse(what, key, `one of ${known.join(", ")}`, value, didYouMean(String(value), known));
}

/** Checks a name that the recipe gives. @throws UsageError */
export function nameOf(what: string, key: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  return refuse(what, key, "a name", value);
}

/** Checks true or false. @throws UsageError */
export function flag(what: string, key: string, value: unknown): boolean {
  return typeof value === "boolean" ? value : refuse(what, key, "true or false", value);
}

/** Checks a list of different whole numbers from 1 to `most`, at least one. @throws UsageError */
export function differentNumbers(
  what: string,
  key: string,
  value: unknown,
  most: number,
): readonly number[] {
  const isFit = Array.isArray(value) && value.length > 0 && new Set(value).size === value.length &&
    value.every((item) => Number.isInteger(item) && item >= 1 && item <= most);
  return isFit ? value : refuse(what, key, `a list of different numbers from 1 to ${most}`, value);
}

function wholeNumber(what: string, key: string, value: unknown, low: number, high: number): number {
  if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) {
    return value as number;
  }
  return refuse(what, key, `a whole number from ${low} to ${high}`, value);
}

function refuse(what: string, key: string, expected: string, value: unknown, hint = ""): never {
  throw new UsageError(
    `Cannot use option "${key}" of ${what}: expected ${expected}, found ${
      JSON.stringify(value)
    }${hint}`,
  );
}
