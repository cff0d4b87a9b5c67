/**
 * Which cases a fuzz makes, as options of its command line: `--count`, `--first` and `--seed` make any of them again.
 */
import { wholeNumber } from "../../commands/option_values.ts";

export const rangeOptions = {
  count: { type: "string", default: "20000" },
  first: { type: "string", default: "0" },
  seed: { type: "string", default: "17" },
} as const;

export interface FuzzRange {
  readonly count: number;
  readonly first: number;
  readonly seed: number;
}

/** @throws UsageError for what is no whole number */
export function rangeOf(values: Readonly<Record<keyof FuzzRange, string>>): FuzzRange {
  return {
    count: wholeNumber("--count", values.count, 1),
    first: wholeNumber("--first", values.first, 0),
    seed: wholeNumber("--seed", values.seed, 0),
  };
}
