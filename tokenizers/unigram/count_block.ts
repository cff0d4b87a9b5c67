/**
 * Counts the words of a block of UTF-8, on any thread.
 */
import type { SpillingCounter } from "./spilling_counter.ts";
import { stretchEnd, wordEnd } from "./words.ts";

/** How text is cut into words. */
export interface WordRules {
  /** No piece crosses white space other than a word's leading space; otherwise none crosses a line or a tab. */
  readonly splitByWhitespace: boolean;
}

/** UTF-8 to count: texts joined, each ending at one of `ends`. */
export interface TextBlock {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ends: Int32Array<ArrayBuffer>;
}

/** Counts the words of one block. */
export function countBlock(
  counter: SpillingCounter,
  { bytes, ends }: TextBlock,
  { splitByWhitespace }: WordRules,
): void {
  const endOf = splitByWhitespace ? wordEnd : stretchEnd;
  let at = 0;
  for (const end of ends) {
    for (let to = at; at < end; at = to) {
      to = endOf(bytes, at, end);
      counter.add(bytes, at, to, 1);
    }
  }
  counter.relieve();
}
