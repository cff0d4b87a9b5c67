/**
 * Tables by name. A new kind is a file beside this one and a line here.
 */
import { didYouMean, UsageError } from "../../base/mod.ts";
import { kind as averaging } from "./averaging.ts";
import { kind as bits } from "./bits.ts";
import { kind as bound } from "./bound.ts";
import { kind as budget } from "./budget.ts";
import { kind as cellDifferences } from "./cell_differences.ts";
import { kind as clusters } from "./clusters.ts";
import { kind as costMeasured } from "./cost_measured.ts";
import { kind as cost } from "./cost.ts";
import { kind as data } from "./data.ts";
import { kind as differences } from "./differences.ts";
import { kind as downstream } from "./downstream.ts";
import { kind as drift } from "./drift.ts";
import { kind as exposure } from "./exposure.ts";
import { kind as forgetting } from "./forgetting.ts";
import { kind as formulas } from "./formulas.ts";
import { kind as growth } from "./growth.ts";
import { kind as heterogeneity } from "./heterogeneity.ts";
import { kind as inference } from "./inference.ts";
import { kind as isolated } from "./isolated.ts";
import type { KindWithModule, TableKind } from "./kind.ts";
import { kind as memory } from "./memory.ts";
import { kind as normalised } from "./normalised.ts";
import { kind as overlap } from "./overlap.ts";
import { kind as perplexity } from "./perplexity.ts";
import { paperTableIndex } from "./paper_index.ts";
import { kind as plasticity } from "./plasticity.ts";
import { kind as pythia } from "./pythia.ts";
import { kind as routing } from "./routing.ts";
import { kind as settings } from "./settings.ts";
import { kind as transfer } from "./transfer.ts";
import { kind as tuning } from "./tuning.ts";
import { kind as unigram } from "./unigram.ts";

interface TableEntry {
  /** Of the table that a number of the paper's stands for, else as it was asked for. */
  readonly name: string;
  readonly kind: TableKind;
  /** URL of the kind's module. */
  readonly module: string;
}

const kinds: readonly KindWithModule<TableKind>[] = [
  [averaging, "./averaging.ts"],
  [bound, "./bound.ts"],
  [budget, "./budget.ts"],
  [cellDifferences, "./cell_differences.ts"],
  [clusters, "./clusters.ts"],
  [cost, "./cost.ts"],
  [costMeasured, "./cost_measured.ts"],
  [exposure, "./exposure.ts"],
  [forgetting, "./forgetting.ts"],
  [formulas, "./formulas.ts"],
  [growth, "./growth.ts"],
  [heterogeneity, "./heterogeneity.ts"],
  [perplexity, "./perplexity.ts"],
  [bits, "./bits.ts"],
  [data, "./data.ts"],
  [differences, "./differences.ts"],
  [downstream, "./downstream.ts"],
  [drift, "./drift.ts"],
  [inference, "./inference.ts"],
  [isolated, "./isolated.ts"],
  [memory, "./memory.ts"],
  [normalised, "./normalised.ts"],
  [overlap, "./overlap.ts"],
  [plasticity, "./plasticity.ts"],
  [pythia, "./pythia.ts"],
  [routing, "./routing.ts"],
  [settings, "./settings.ts"],
  [transfer, "./transfer.ts"],
  [tuning, "./tuning.ts"],
  [unigram, "./unigram.ts"],
];

export const tableNames: readonly string[] = kinds.flatMap(([{ names }]) => names);

/** What tables need that not every recipe has, by their names. */
export function tableNeeds(): [names: string, needs: string][] {
  const starts = tableNames.filter((name) => /-pretrained$|-both$/.test(name));
  return [
    ...kinds.flatMap(([{ names, needs }]): [string, string][] =>
      needs === undefined ? [] : [[names.join(", "), needs]]
    ),
    [starts.join(", "), "continue.starts=[random,pretrained]"],
  ];
}

/** Whether there is a table of this name, or of this number in the paper. */
export function isTable(name: string): boolean {
  return tableNames.includes(name) || Object.hasOwn(paperTableIndex, name);
}

/** How a table is made. @throws UsageError for an unknown name. */
export function tableEntry(name: string): TableEntry {
  if (!isTable(name)) {
    throw new UsageError(
      `Cannot make table "${name}": expected a number of the paper's (1 to 21) or one of ${
        tableNames.join(", ")
      }${didYouMean(name, tableNames)}`,
    );
  }
  const own = paperTableIndex[Number(name)]?.name ?? name;
  const [kind, module] = kinds.find(([{ names }]) => names.includes(own))!;
  return { name: own, kind, module: new URL(module, import.meta.url).href };
}
