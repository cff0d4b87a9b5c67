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
import { capabilityText, type Card, describeCard, openCard, withPrecision } from "./card.ts";
import { Choices } from "./choices.ts";
import { libraryHere } from "./cublaslt.ts";
import { CudaProgram } from "./program.ts";

/** The card of this process, which all programs share. */
let card: Card | undefined;
const cards = new Map<string, Card>();

export const engine: Engine = {
  ...engineOf(
    "cuda-native",
    expectOneOf("cuda-native", ["fp32", "tf32", "bf16"]),
    (graph, { precision, products, optimizer }) =>
      new CudaProgram(cardFor(precision, products), graph, optimizer),
    "gpu",
  ),
  keepChoices(folder, { precision, products }) {
    const used = cardFor(precision, products);
    const choices = new Choices(folder, describeCard(used));
    used.multiplier?.keepIn(choices);
    return choices.warning;
  },
};

/** The card and the versions that the programs of this process have used; undefined where there was none. */
export function describeMachine(): string | undefined {
  const used = [...cards.values()].at(-1);
  return used && describeCard(used);
}

/** The card, its driver and what multiplies on it, on one line. @throws UsageError where there is none. */
export function describeDevice(): string {
  const { free, total } = (card ??= openCard()).driver.memory();
  const library = libraryHere() ?? "no cuBLASLt: tf32 and bf16 with engine.products=own";
  const memory = `${formatBytes(total)} of memory, ${formatBytes(free)} free`;
  return `${describeCard(card)}, ${memory}, ${library}`;
}

/** As rows of `engine/engines.ts` name it in `provenOn`. @throws UsageError where there is no card. */
export function deviceKind(): string {
  return capabilityText((card ??= openCard()).driver);
}

function cardFor(precision: Precision, products?: Products): Card {
  const key = `${precision} ${products}`;
  let found = cards.get(key);
  if (found === undefined) {
    cards.set(key, found = withPrecision(card ??= openCard(), precision, products));
  }
  return found;
}
