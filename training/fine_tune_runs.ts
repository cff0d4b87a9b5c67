/**
 * Fine-tuning several times, with another head and order of examples each: how much of a score is luck.
 */
import { Random, type Seed } from "../base/mod.ts";
import { mean } from "./cost.ts";
import { quantile } from "./evaluate.ts";
import { fineTune, type FineTuneResult, type FineTuning } from "./fine_tune.ts";
import { type Metric, score, scoreInterval } from "./scores.ts";

/** A run without its parameters. */
export type ScoredRun = Omit<FineTuneResult, "parameters">;

export interface FineTunedRuns {
  /** In the order of the runs. */
  readonly results: readonly ScoredRun[];
  /** The run that is best on dev, the first of equals, and its parameters. */
  readonly best: { readonly run: number; readonly parameters: FineTuneResult["parameters"] };
}

/** Each run has its own checkpoints: what has finished is not trained again. Only the best one's parameters stay in memory. */
export async function fineTuneRuns(
  options: Omit<FineTuning, "run">,
  runs: number,
): Promise<FineTunedRuns> {
  const results: ScoredRun[] = [];
  let best: FineTunedRuns["best"] | undefined;
  for (let run = 0; run < runs; run++) {
    const checkpointFolder = run === 0
      ? options.checkpointFolder
      : `${options.checkpointFolder}/run-${run}`;
    const { parameters, ...result } = await fineTune({ ...options, run, runs, checkpointFolder });
    if (best === undefined || result.dev > results[best.run].dev) best = { run, parameters };
    results.push(result);
  }
  if (best === undefined) {
    throw new RangeError(`Cannot fine-tune: expected 1 run or more, found ${runs}`);
  }
  return { results, best };
}

/** Means over the runs. */
export function meanScores(results: readonly ScoredRun[]): {
  readonly dev: number;
  readonly test: number;
} {
  return {
    dev: mean(results.map(({ dev }) => dev)),
    test: mean(results.map(({ test }) => test)),
  };
}

/**
 * 95 % percentile interval of the mean score on test: over resamples of the examples, the same for all runs, and of the runs.
 *
 * Source: Efron and Tibshirani 1993, §8.3 (data of more than one level).
 */
export function runsInterval(
  metric: Metric,
  results: readonly ScoredRun[],
  labels: readonly number[],
  { samples, seed }: { readonly samples: number; readonly seed: Seed },
): readonly [number, number] {
  const predictions = results.map((result) => result.predictions.test);
  if (results.length === 1) return scoreInterval(metric, predictions[0], labels, { samples, seed });
  const random = new Random(seed);
  const scores = Array.from({ length: samples }, () => {
    const drawn = labels.map(() => random.below(labels.length));
    const ofExamples = drawn.map((i) => labels[i]);
    const runs = results.map(() => predictions[random.below(results.length)]);
    return mean(runs.map((run) => score(metric, drawn.map((i) => run[i]), ofExamples)));
  });
  return [quantile(scores, 0.025), quantile(scores, 0.975)];
}
