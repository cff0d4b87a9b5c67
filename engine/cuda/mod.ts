/**
 * The engine `cuda-native`: own kernels on an Nvidia card, by its driver's library alone. Nothing is installed: kernels are PTX text,
 * which the driver compiles. No card has run it so far; tests run all of it on a processor.
 *
 * ```ts
 * import { entriesOf } from "./kernels.ts";
 * console.log(entriesOf(".visible .entry scale(\n\t.param .u64 scale_param_0,\n\t.param .f32 scale_param_1\n)").get("scale"));
 * // [ "u64", "f32" ]
 * ```
 */
import { formatBytes } from "../../base/mod.ts";
import type { Engine, Precision, Products } from "../engine.ts";
import { engineOf, expectOneOf } from "../open_engine.ts";
import { type Card, openCard, withPrecision } from "./card.ts";
import { CudaProgram } from "./program.ts";

/** The card of this process, which all programs share. */
let card: Card | undefined;
const cards = new Map<string, Card>();

export const engine: Engine = engineOf(
  "cuda-native",
  expectOneOf("cuda-native", ["fp32", "tf32", "bf16"]),
  (graph, { precision, products, optimizer }) =>
    new CudaProgram(cardFor(precision, products), graph, optimizer),
  "gpu",
);

/** The card and its driver on one line. @throws UsageError where there is none. */
export function describeDevice(): string {
  const { driver } = card ??= openCard();
  const { free, total } = driver.memory();
  const memory = `${formatBytes(total)} of memory, ${formatBytes(free)} free`;
  return `${driver.cardName}, ${deviceKind()}, ${memory}, a driver for CUDA ${driver.version}`;
}

/** What kernels are compiled for: `compute capability 9.0`. @throws UsageError where there is no card. */
export function deviceKind(): string {
  const { driver } = card ??= openCard();
  return `compute capability ${(driver.capability / 10).toFixed(1)}`;
}

function cardFor(precision: Precision, products?: Products): Card {
  const key = `${precision} ${products}`;
  let found = cards.get(key);
  if (found === undefined) {
    cards.set(key, found = withPrecision(card ??= openCard(), precision, products));
  }
  return found;
}
