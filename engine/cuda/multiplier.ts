/**
 * A library that multiplies matrices on a card, in the place of kernels of ours.
 */
import type { Choices } from "./choices.ts";
import type { MatrixProduct, Place } from "./command.ts";

/** Where a value lies on the card. */
export type AddressOf = (place: Place) => bigint;

export interface Multiplier {
  /** `cuBLASLt 13.1.1`. */
  readonly version: string;
  /** Algorithms are taken from there, and kept there. */
  keepIn(choices: Choices): void;
  /** Whether products have their factors in bf16 too. */
  readonly takesHalves: boolean;
  /**
   * Starts a product each time it is called; undefined for a product that is left to the kernels.
   * @param act For messages.
   */
  prepare(of: MatrixProduct, addressOf: AddressOf, act: string): (() => void) | undefined;
}
