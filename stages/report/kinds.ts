/**
 * Tables by name. A new kind is a file beside this one and a line here.
 */
import { didYouMean, UsageError } from "../../pipeline/base/mod.ts";
import { kind as bits } from "./bits.ts";
import { kind as costMeasured } from "./cost_measured.ts";
import { kind as cost } from "./cost.ts";
import { kind as data } from "./data.ts";
import { kind as downstream } from "./downstream.ts";
import { kind as drift } from "./drift.ts";
import { kind as heterogeneity } from "./heterogeneity.ts";
import { kind as isolated } from "./isolated.ts";
import type { TableKind } from "./kind.ts";
import { kind as normalised } from "./normalised.ts";
import { kind as overlap } from "./overlap.ts";
import { kind as perplexity } from "./perplexity.ts";
import { kind as plasticity } from "./plasticity.ts";
import { kind as tuning } from "./tuning.ts";
import { kind as unigram } from "./unigram.ts";

export interface TableEntry {
  readonly kind: TableKind;
  /** The module that `run` imports: the part of the code digest that is this kind's own. */
  readonly module: string;
}

const modules = {
  bits: "./bits.ts",
  cost: "./cost.ts",
  costMeasured: "./cost_measured.ts",
  data: "./data.ts",
  downstream: "./downstream.ts",
  drift: "./drift.ts",
  heterogeneity: "./heterogeneity.ts",
  isolated: "./isolated.ts",
  normalised: "./normalised.ts",
  overlap: "./overlap.ts",
  perplexity: "./perplexity.ts",
  plasticity: "./plasticity.ts",
  tuning: "./tuning.ts",
  unigram: "./unigram.ts",
};

const tables: Readonly<Record<string, readonly [TableKind, keyof typeof modules]>> = {
  "cost": [cost, "cost"],
  "cost-measured": [costMeasured, "costMeasured"],
  "heterogeneity": [heterogeneity, "heterogeneity"],
  "perplexity-random": [perplexity, "perplexity"],
  "perplexity-pretrained": [perplexity, "perplexity"],
  "bits-random": [bits, "bits"],
  "bits-pretrained": [bits, "bits"],
  "data": [data, "data"],
  "downstream": [downstream, "downstream"],
  "drift": [drift, "drift"],
  "isolated-random": [isolated, "isolated"],
  "isolated-pretrained": [isolated, "isolated"],
  "normalised-random": [normalised, "normalised"],
  "normalised-pretrained": [normalised, "normalised"],
  "overlap": [overlap, "overlap"],
  "plasticity": [plasticity, "plasticity"],
  "tuning": [tuning, "tuning"],
  "unigram": [unigram, "unigram"],
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
