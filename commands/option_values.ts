/**
 * Values of options, as a user types them.
 */
import { decimalOf, didYouMean, maxThreads, UsageError } from "../base/mod.ts";

/** @throws UsageError unless the text is a whole number from `from` to `to` */
export function wholeNumber(option: string, text: string, from: number, to?: number): number {
  const value = checkedNumber(option, text, from, "a whole number", Number.isSafeInteger);
  if (to === undefined || value <= to) return value;
  throw new UsageError(`Cannot accept ${option} ${text}: expected at most ${to}`);
}

/** A number of threads or processes. @throws UsageError for none, and for more than any machine has a use for */
export function workerCount(option: string, text: string): number {
  return wholeNumber(option, text, 1, maxThreads);
}

/** @throws UsageError unless the text is a number from `from` on */
export function numberAtLeast(option: string, text: string, from: number): number {
  return checkedNumber(option, text, from, "a number", Number.isFinite);
}

function checkedNumber(
  option: string,
  text: string,
  from: number,
  kind: string,
  isOfKind: (value: number) => boolean,
): number {
  const value = decimalOf(text);
  if (isOfKind(value) && value >= from) return value;
  throw new UsageError(`Cannot accept ${option} ${text}: expected ${kind} of ${from} or more`);
}

/**
 * @param act What cannot be done with another name: `print a table as`.
 * @throws UsageError unless the text is a known name
 */
export function oneOf<const Known extends string>(
  known: readonly Known[],
  act: string,
  text: string,
): Known {
  const found = known.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(
    `Cannot ${act} "${text}"${didYouMean(text, known)}: expected one of ${known.join(", ")}`,
  );
}
