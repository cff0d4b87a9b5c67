/** What toy rules share. */
export function mix(a: number, b: number): number {
  return (Math.imul(a ^ 0x5bd1e995, 31) + b) >>> 0;
}
