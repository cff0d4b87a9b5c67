/** Twice as much. */
export function rule(value: number): number {
  return 2 * value;
}
