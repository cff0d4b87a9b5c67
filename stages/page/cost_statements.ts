/**
 * What DEPT saves, in a sentence: memory and communication of the thriftiest method that the recipe has.
 *
 * Source: the formulas of DEPT Table 1, see `report/cost.ts`.
 */
import { group } from "../../pipeline/stage.ts";
import { costMethods } from "../../training/mod.ts";
import { type CostParams, costRowsOf, millions, thriftiest } from "../report/cost.ts";
import type { Origins, Statement } from "./page.ts";

/** Nothing where a size is not known, or the recipe has no method of DEPT. */
export function costStatements(
  params: CostParams,
  inputs: Readonly<Record<string, string>>,
  origins: Origins,
): Statement[] {
  const needed = Object.keys(origins).filter((name) => name.startsWith("cost/"));
  if (needed.some((name) => inputs[name] === undefined)) return [];
  const [standard, ...others] = costRowsOf(params, Object.fromEntries(group(inputs, "cost")));
  const methods = others.filter(({ method }) =>
    params.methods.includes(method) && costMethods().get(method)!.role === "method"
  );
  if (methods.length === 0) return [];
  const { least, times, share } = thriftiest([standard, ...methods]);
  return [{
    tone: "plain",
    text:
      `By the paper's formulas, a worker of ${least.method.toUpperCase()} sends ${times} times less a step than ` +
      `standard training does (${millions(least.communication)} of ${
        millions(standard.communication)
      } parameters) and holds ${share} % fewer parameters (${millions(least.parameters)} of ${
        millions(standard.parameters)
      }).`,
    from: needed.map((name) => origins[name]),
  }];
}
