/**
 * Numbers of JSON that no double is equal to: they stay as they are written.
 *
 * Source: RFC 8259, §6, which allows any number and warns of those beyond doubles.
 */

/** `12345678901234567890`, `1e400`, `-0.0`: JSON has it as it was written. */
export class JsonNumber {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }

  toJSON(): unknown {
    return (JSON as typeof JSON & { rawJSON(text: string): unknown }).rawJSON(this.#text);
  }
}

/** An exponent of numbers that a double may have as zero. */
const smallExponent = /[eE]-\d{3}/;
/** Doubles below it have fewer digits than others. */
const leastNormal = 2 ** -1022;
/** Values in values: data has some ten levels; what prints or writes values takes a call for each, and the stack has an end. */
export const maxJsonDepth = 1000;
/** A double that is written with so many characters may have lost digits: it keeps 15 of any number. */
const manyCharacters = 17;

/**
 * `JSON.parse`, with a `JsonNumber` for each number that a double would change. What it makes of 0.10000000000000000001 is
 * 0.1: a double that can be written in 15 digits counts as the number that was written.
 * @throws SyntaxError, or RangeError for more than `maxJsonDepth` levels
 */
export function parseExactly(text: string): unknown {
  const value = JSON.parse(text);
  return hasOddNumber(value, text) ? JSON.parse(text, reviveExactly) : value;
}

/** Whether a number may be another one than was written, so that a closer look is due. It takes little time; that takes more. */
function hasOddNumber(value: unknown, text: string): boolean {
  let [hasOdd, hasZero] = [false, false];
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxJsonDepth) throw new RangeError(`more than ${maxJsonDepth} levels`);
    const next: unknown[] = [];
    for (const inner of level) {
      if (typeof inner === "number") {
        hasZero ||= inner === 0;
        hasOdd ||= isOdd(inner);
      } else if (typeof inner === "object" && inner !== null) {
        for (const item of Object.values(inner)) next.push(item);
      }
    }
    level = next;
  }
  return hasOdd || hasZero && smallExponent.test(text);
}

function isOdd(value: number): boolean {
  if (Number.isInteger(value)) return !Number.isSafeInteger(value) || Object.is(value, -0);
  const isNormal = Number.isFinite(value) && Math.abs(value) >= leastNormal;
  return !isNormal || String(value).length >= manyCharacters;
}

function reviveExactly(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined) return value;
  return decimalForm(source) === decimalForm(String(value)) ? value : new JsonNumber(source);
}

/** A number as sign, digits and exponent, the same for all ways to write it. */
function decimalForm(text: string): string {
  const found = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (found === null) return text; // Infinity
  const [, sign, whole, fraction = "", exponent = "0"] = found;
  const digits = (whole + fraction).replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  if (kept === "") return `${sign}0`;
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - kept.length);
  return `${sign}${kept}e${power}`;
}
