/**
 * The card of a process: its driver, the loaded kernels, and who multiplies matrices there.
 */
import type { Precision, Products } from "../engine.ts";
import { CublasLt } from "./cublaslt.ts";
import { Driver } from "./driver.ts";
import { type Kernel, loadKernels } from "./kernels.ts";
import type { Multiplier } from "./multiplier.ts";

export interface Card {
  readonly driver: Driver;
  readonly kernels: ReadonlyMap<string, Kernel>;
  readonly precision: Precision;
  /** Where it is absent, kernels of ours multiply. */
  readonly multiplier?: Multiplier;
}

/** @throws UsageError where there is no driver or no card, or one that is too old. */
export function openCard(): Card {
  const driver = new Driver();
  return { driver, kernels: loadKernels(driver), precision: "fp32" };
}

/** What results may depend on beside the program: `NVIDIA H200, compute capability 9.0, 132 multiprocessors, …`. */
export function describeCard({ driver, multiplier }: Card): string {
  const { cardName, multiprocessors, version } = driver;
  const parts = [cardName, capabilityText(driver), `${multiprocessors} multiprocessors`];
  const versions = [`a driver for CUDA ${version}`, ...(multiplier ? [multiplier.version] : [])];
  return [...parts, ...versions].join(", ");
}

/** What kernels are compiled for: `compute capability 9.0`. */
export function capabilityText({ capability }: Driver): string {
  return `compute capability ${(capability / 10).toFixed(1)}`;
}

/** The card with products of a precision. @throws UsageError where they are the library's, and there is none. */
export function withPrecision(
  card: Card,
  precision: Precision,
  products: Products = "cublaslt",
): Card {
  if (precision !== "tf32" && precision !== "bf16") return card;
  if (products === "own") return { ...card, precision };
  return { ...card, precision, multiplier: new CublasLt(card.driver, precision) };
}
