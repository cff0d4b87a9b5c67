/**
 * What a card does for each operator. A Reshape is the same memory.
 */
import type { OperatorName } from "../../../model/mod.ts";
import type { Precision } from "../../engine.ts";
import type { Rule } from "../command.ts";
import { attentionRulesFor } from "./attention.ts";
import { elementwiseRules } from "./elementwise.ts";
import { headRules } from "./head.ts";
import { layoutRules } from "./layout.ts";
import { productRules } from "./products.ts";
import { rowRules } from "./rows.ts";

type Computed = Exclude<OperatorName, "Reshape">;

/** Products follow the card's precision by themselves. The type makes a new operator ask for a rule. */
export function rulesFor(precision: Precision): Readonly<Record<Computed, Rule>> {
  return {
    ...attentionRulesFor(precision),
    ...elementwiseRules,
    ...headRules,
    ...layoutRules,
    ...productRules,
    ...rowRules,
  };
}
