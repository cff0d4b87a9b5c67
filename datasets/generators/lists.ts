/**
 * Lists of numbers, and draws from lists.
 */
import type { Random } from "../../base/mod.ts";

/** 0, 1, …, count − 1. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** One of the items, each as likely as the others. */
export function oneOf<T>(items: ArrayLike<T>, random: Random): T {
  return items[random.below(items.length)];
}
