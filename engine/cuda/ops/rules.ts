/**
 * What a card does for each operator. A Reshape is the same memory.
 */
import type { OperatorName } from "../../../model/mod.ts";
import type { Rule } from "../command.ts";
import { attentionRules } from "./attention.ts";
import { elementwiseRules } from "./elementwise.ts";
import { headRules } from "./head.ts";
import { layoutRules } from "./layout.ts";
import { productRules } from "./products.ts";
import { rowRules } from "./rows.ts";

type Computed = Exclude<OperatorName, "Reshape">;

/** The type makes a new operator ask for a rule. */
export const rules: Readonly<Record<Computed, Rule>> = {
  ...attentionRules,
  ...elementwiseRules,
  ...headRules,
  ...layoutRules,
  ...productRules,
  ...rowRules,
};
