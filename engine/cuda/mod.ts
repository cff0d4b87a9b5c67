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
import type { Engine, Precision } from "../engine.ts";
import { engineOf, expectOneOf } from "../open_engine.ts";
import { type Card, openCard, withPrecision } from "./card.ts";
import { CudaProgram } from "./program.ts";

/** The card of this process, which all programs share. */
let card: Card | undefined;
const cards = new Map<Precision, Card>();

export const engine: Engine = engineOf(
  "cuda-native",
  expectOneOf("cuda-native", ["fp32", "tf32", "bf16"]),
  (graph, { precision, optimizer }) => new CudaProgram(cardFor(precision), graph, optimizer),
  "gpu",
);

/** The card and its driver on one line. @throws UsageError where there is none. */
export function describeDevice(): string {
  const { driver } = card ??= openCard();
  const { free, total } = driver.memory();
  const capability = (driver.capability / 10).toFixed(1);
  const memory = `${formatBytes(total)} of memory, ${formatBytes(free)} free`;
  return `${driver.cardName}, compute capability ${capability}, ${memory}, a driver for CUDA ${driver.version}`;
}

function cardFor(precision: Precision): Card {
  let found = cards.get(precision);
  if (found === undefined) {
    cards.set(precision, found = withPrecision(card ??= openCard(), precision));
  }
  return found;
}
