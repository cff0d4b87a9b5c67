/**
 * Canonical JSON: one text for one value, so that a digest of the text names the value.
 *
 * Form: no white space; object keys sorted by UTF-16 code units; members that are `undefined` are left out;
 * numbers as `JSON.stringify` prints them (shortest round-trip form, `-0` as `0`); strings as `JSON.stringify` prints them.
 */

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/**
 * The canonical JSON text of a value.
 *
 * @throws TypeError for what JSON has no form for: non-finite numbers, functions, symbols, bigints, dates.
 */
export function canonicalJson(value: unknown): string {
  return write(value, "$");
}

/** Whether lists and maps of a value stand in one another more than `levels` deep. Functions that walk values end in a full stack then. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}

function write(value: unknown, path: string): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") {
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    if (Number.isFinite(value)) return JSON.stringify(value);
    throw new TypeError(`Cannot write ${path} as JSON: expected a finite number, found ${value}`);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, i) => write(item, `${path}[${i}]`)).join(",")}]`;
  }
  if (typeof value === "object" && isPlain(value)) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, member]) => `${JSON.stringify(key)}:${write(member, `${path}.${key}`)}`);
    return `{${members.join(",")}}`;
  }
  throw new TypeError(`Cannot write ${path} as JSON: expected plain data, found ${typeof value}`);
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
