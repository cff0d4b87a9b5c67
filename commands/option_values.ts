/**
 * Values of options, as a user types them.
 */
import { didYouMean, maxThreads, UsageError } from "../base/mod.ts";

/** @throws UsageError unless the text is a whole number from `from` on */
export function wholeNumber(option: string, text: string, from: number): number {
  return checkedNumber(option, text, from, "a whole number", Number.isInteger);
}

/** A number of threads. @throws UsageError for none, and for more than any machine has a use for */
export function threadCount(text: string): number {
  const count = wholeNumber("--threads", text, 1);
  if (count <= maxThreads) return count;
  throw new UsageError(`Cannot accept --threads ${text}: expected at most ${maxThreads}`);
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
  const value = Number(text);
  if (text.trim() !== "" && isOfKind(value) && value >= from) return value;
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
