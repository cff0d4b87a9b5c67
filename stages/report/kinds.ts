/**
 * Tables by name. A new kind is a file beside this one and a line here.
 */
import { didYouMean, UsageError } from "../../pipeline/base/mod.ts";
import { kind as bits } from "./bits.ts";
import { kind as cost } from "./cost.ts";
import { kind as downstream } from "./downstream.ts";
import { kind as heterogeneity } from "./heterogeneity.ts";
import type { TableKind } from "./kind.ts";
import { kind as perplexity } from "./perplexity.ts";

export interface TableEntry {
  readonly kind: TableKind;
  /** The module that `run` imports: the part of the code digest that is this kind's own. */
  readonly module: string;
}

const modules = {
  bits: "./bits.ts",
  cost: "./cost.ts",
  downstream: "./downstream.ts",
  heterogeneity: "./heterogeneity.ts",
  perplexity: "./perplexity.ts",
};

const tables: Readonly<Record<string, readonly [TableKind, keyof typeof modules]>> = {
  "cost": [cost, "cost"],
  "heterogeneity": [heterogeneity, "heterogeneity"],
  "perplexity-random": [perplexity, "perplexity"],
  "perplexity-pretrained": [perplexity, "perplexity"],
  "bits-random": [bits, "bits"],
  "bits-pretrained": [bits, "bits"],
  "downstream": [downstream, "downstream"],
};

export const tableNames: readonly string[] = Object.keys(tables);

/** How a table is made. @throws UsageError for an unknown name. */
export function tableEntry(name: string): TableEntry {
  if (!Object.hasOwn(tables, name)) {
    throw new UsageError(
      `Cannot make table "${name}": expected one of ${tableNames.join(", ")}${
        didYouMean(name, tableNames)
      }`,
    );
  }
  const [kind, module] = tables[name];
  return { kind, module: new URL(modules[module], import.meta.url).href };
}
