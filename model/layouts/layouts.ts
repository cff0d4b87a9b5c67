/**
 * The table of layouts, and which of them holds a network.
 */
import type { ModelConfig } from "../config.ts";
import { dept } from "./dept.ts";
import { gpt2 } from "./gpt2.ts";
import { gptNeox } from "./gpt_neox.ts";
import type { Layout, Misfit } from "./layout.ts";
import { mpt } from "./mpt.ts";

/** Layouts of classes that Python's transformers has. */
const standard: readonly Layout[] = [mpt, gpt2, gptNeox];

/** All layouts, by `model_type`. */
export const layouts: ReadonlyMap<string, Layout> = new Map(
  [...standard, dept].map((layout) => [layout.modelType, layout]),
);

/** A layout that holds a network exactly. */
export interface Fit {
  readonly layout: Layout;
  /** Why no standard class does: of the class that is nearest, the one of the same positions. */
  readonly misfit?: Misfit;
}

/** The standard class that computes a network exactly, else our own with the reason and what would make a standard one fit. */
export function layoutOf(config: ModelConfig): Fit {
  const fitting = standard.find((layout) => layout.misfit(config) === undefined);
  if (fitting !== undefined) return { layout: fitting };
  return { layout: dept, misfit: nearestMisfit(config) };
}

/** What the network would need for a standard class: the whole of it, found by changing one thing after another. */
function nearestMisfit(config: ModelConfig): Misfit {
  const nearest = standard.map((layout) => {
    const change: Partial<ModelConfig> = {};
    const why: string[] = [];
    for (;;) {
      const misfit = layout.misfit({ ...config, ...change });
      if (misfit === undefined) break;
      Object.assign(change, misfit.change);
      why.push(misfit.why);
    }
    return { why: why.join(", and "), change };
  });
  return nearest.find(({ change }) => change.positions === undefined) ?? nearest[0];
}
