/** As it is. */
export function rule(value: number): number {
  return value;
}
