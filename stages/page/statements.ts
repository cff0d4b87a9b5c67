/**
 * What was learnt, in sentences: how DEPT compares with the baselines that read as many tokens, which models know less than counts,
 * and what DEPT saves.
 */
import type { OutputRef } from "../../pipeline/stage.ts";
import { type CostParams, kind as cost } from "../report/cost.ts";
import type { Recipe } from "../recipe.ts";
import { isOnlyCosted } from "../sources.ts";
import { costStatements } from "./cost_statements.ts";
import {
  bestModel,
  type ComparedModels,
  comparedModels,
  lossStatements,
} from "./loss_statements.ts";
import type { Origins, PartPlan, Statement } from "./page.ts";
import { type ScoredModels, scoredModels, scoreStatements } from "./score_statements.ts";

export interface StatementParams {
  /** The models that a run ends with come first. */
  readonly compared: readonly ComparedModels[];
  readonly scored: readonly ScoredModels[];
  readonly cost: CostParams;
}

type Folders = Readonly<Record<string, string>>;

export function declareStatements(recipe: Recipe): PartPlan {
  const losses = isOnlyCosted(recipe) ? [] : comparedModels(recipe);
  const scores = isOnlyCosted(recipe) ? [] : scoredModels(recipe);
  const { inputs, params } = cost.declare(recipe, "cost");
  const costs = Object.entries(inputs).map(([name, ref]) => [`cost/${name}`, ref]);
  return {
    ...{ section: "headline", kind: "statements", name: "headline", isKept: false },
    origins: Object.assign(
      Object.fromEntries(costs),
      ...[...losses, ...scores].map(({ inputs }) => inputs),
    ),
    params: {
      compared: losses.map(({ models }) => models),
      scored: scores.map(({ models }) => models),
      cost: params,
    } satisfies StatementParams,
  };
}

/** Sentences about what is there. */
export function statementsOf(
  { compared, scored, cost }: StatementParams,
  inputs: Folders,
  origins: Origins,
): Statement[] {
  const losses = compared.flatMap((models) => lossStatements(models, inputs, origins));
  const scores = scored.flatMap((models) => scoreStatements(models, inputs, origins));
  const learnt = [...losses, ...scores];
  const isExpected = compared.length > 0; // a recipe of sizes alone evaluates nothing
  return [
    ...(learnt.length === 0 && isExpected ? [nothingYet] : learnt),
    ...costStatements(cost, inputs, origins),
    ...(learnt.length === 0 ? [] : [oneSeed]),
  ];
}

const nothingYet: Statement = { tone: "plain", text: "Nothing is evaluated yet.", from: [] };

const oneSeed: Statement = {
  tone: "plain",
  text:
    "One seed: intervals are over documents of the test text, or examples; the noise of training is not in " +
    "them. An axis of seeds in a study gives that too.",
  from: [],
};

/** The folder of a result; undefined where it is not there. */
export type FolderOf = (ref: OutputRef) => Promise<string | undefined>;

/** What a run has learnt. */
export interface Headline {
  /** The most important one first. */
  readonly sentences: readonly string[];
  /** What the evaluation of the best model has made. */
  readonly best: OutputRef;
}

/** About the models that a run ends with: continued ones, else those of pre-training. Undefined where none is evaluated. */
export async function headline(recipe: Recipe, folderOf: FolderOf): Promise<Headline | undefined> {
  const { params, origins } = declareStatements(recipe);
  const { compared, ...others } = params as StatementParams;
  const inputs: Record<string, string> = {};
  for (const [name, ref] of Object.entries(origins)) {
    const folder = await folderOf(ref);
    if (folder !== undefined) inputs[name] = folder;
  }
  for (const models of compared) {
    const best = bestModel(models, inputs, origins);
    if (best === undefined) continue;
    const statements = statementsOf({ ...others, compared: [models] }, inputs, origins);
    return { sentences: statements.map(({ text }) => text), best };
  }
  return undefined;
}
