/**
 * Cells that numbers make, and their texts.
 */
import type { Cell } from "./table.ts";

/** A number as `text` writes it; null for what is not known. */
export function cellOf(value: number | null, text: (value: number) => string): Cell {
  return value === null ? { value } : { value, text: text(value) };
}

/** `0.12` */
export function decimals(digits: number): (value: number) => string {
  return (value) => value.toFixed(digits);
}

/** `1,234`: the nearest whole number. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `4.50e-4` */
export function scientific(value: number): string {
  return value.toExponential(2);
}

/** `12.3 %` */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
