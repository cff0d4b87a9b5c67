/**
 * What every engine checks of names and sizes that callers give.
 */
import { didYouMean } from "../base/mod.ts";

/** @throws RangeError for a name that the table does not hold. */
export function expectName(name: string, known: readonly string[], what: string): void {
  if (known.includes(name)) return;
  throw new RangeError(
    `Cannot find ${what} "${name}": expected one of ${known.join(", ")}${didYouMean(name, known)}`,
  );
}

/** @throws RangeError for an array of another size. */
export function expectLength(name: string, found: number, expected: number): void {
  if (found === expected) return;
  throw new RangeError(`Cannot write "${name}": expected ${expected} values, found ${found}`);
}

/** @throws RangeError for a number of threads that is none. */
export function expectThreads(threads: number): void {
  if (Number.isInteger(threads) && threads >= 1) return;
  throw new RangeError(`Cannot compile a graph: expected threads of 1 or more, found ${threads}`);
}
