/**
 * What fine-tuning gave, in sentences: DEPT against the baselines that read as many tokens, and tasks that taught no model anything.
 */
import { UsageError } from "../../base/mod.ts";
import type { OutputRef } from "../../pipeline/stage.ts";
import {
  type DownstreamParams,
  kind as downstream,
  readScores,
  type Scores,
  scoresInput,
} from "../report/downstream.ts";
import type { Rivals } from "../report/improvement.ts";
import type { Inputs } from "../report/kind.ts";
import type { Recipe } from "../recipe.ts";
import type { Origins, Statement } from "./page.ts";

/** Fine-tuned models of one start. */
export interface ScoredModels {
  readonly start: string;
  readonly models: readonly string[];
  readonly tasks: readonly string[];
  /** At equal tokens. */
  readonly rivals: Rivals;
}

/** Of the first start that models are fine-tuned from. */
export function scoredModels(
  recipe: Recipe,
): { readonly models: ScoredModels; readonly inputs: Inputs }[] {
  for (const name of ["downstream", "downstream-pretrained"]) {
    try {
      const { inputs, params } = downstream.declare(recipe, name);
      const { starts: [start], models, tasks, equal } = params as DownstreamParams;
      const labels = models.map(([label]) => label);
      return [{ inputs, models: { start, models: labels, tasks, rivals: equal } }];
    } catch (error) {
      if (!(error instanceof UsageError)) throw error; // no task, or no such start
    }
  }
  return [];
}

interface Scored extends Scores {
  readonly from: OutputRef;
}

export function scoreStatements(
  { start, models, tasks, rivals }: ScoredModels,
  inputs: Readonly<Record<string, string>>,
  origins: Origins,
): Statement[] {
  const scoresOf = (labels: readonly string[], task: string): Scored[] =>
    labels.flatMap((label) => {
      const name = scoresInput([label, start], task);
      if (inputs[name] === undefined) return [];
      return { ...readScores(inputs[name]), from: origins[name] };
    });
  return [
    ...rivalry(tasks.flatMap((task) => {
      const [ours, theirs] = [rivals.dept, rivals.baselines]
        .map((labels) => best(scoresOf(labels, task)));
      return ours === undefined || theirs === undefined ? [] : [{ task, ours, theirs }];
    })),
    ...untaught(tasks.map((task) => ({ task, scores: scoresOf(models, task) }))),
  ];
}

function best(scores: readonly Scored[]): Scored | undefined {
  return scores.toSorted((a, b) => b.test - a.test)[0];
}

function rivalry(
  pairs: readonly { readonly task: string; readonly ours: Scored; readonly theirs: Scored }[],
): Statement[] {
  if (pairs.length === 0) return [];
  const better = pairs.filter(({ ours, theirs }) => isAbove(ours, theirs));
  const worse = pairs.filter(({ ours, theirs }) => isAbove(theirs, ours));
  const named = (of: typeof better) =>
    of.length === 0 || of.length > 6 ? "" : ` (${of.map(({ task }) => task).join(", ")})`;
  return [{
    tone: better.length > worse.length ? "good" : worse.length > better.length ? "bad" : "plain",
    text:
      `Fine-tuned, the best of DEPT scores higher than the best baseline that read as many tokens on ` +
      `${better.length} of ${pairs.length} task${pairs.length === 1 ? "" : "s"}${named(better)}, ` +
      `lower on ${worse.length}${named(worse)}; where their 95 % intervals overlap, it is noise.`,
    from: pairs.flatMap(({ ours, theirs }) => [ours.from, theirs.from]),
  }];
}

function isAbove({ testInterval: ours }: Scores, { testInterval: theirs }: Scores): boolean {
  return ours !== undefined && theirs !== undefined && ours[0] > theirs[1];
}

/** Tasks on which the most frequent answer is as good as every model, as far as can be told. */
function untaught(
  of: readonly { readonly task: string; readonly scores: readonly Scored[] }[],
): Statement[] {
  const found = of.filter(({ scores }) =>
    scores.length > 0 &&
    scores.every(({ testInterval, majority }) => (testInterval?.[0] ?? Infinity) <= majority)
  );
  if (found.length === 0) return [];
  const names = found.map(({ task, scores }) => `${task} (${scores[0].majority.toFixed(3)})`);
  return [{
    tone: "bad",
    text:
      `On ${
        names.join(", ")
      } no model scores more than always the same answer does, beyond noise: ` +
      `fine-tuning has taught nothing there that can be told.`,
    from: found.flatMap(({ scores }) => scores.map(({ from }) => from)),
  }];
}
