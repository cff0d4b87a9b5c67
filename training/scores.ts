/**
 * Scores of downstream tasks: accuracy, Pearson correlation, what chance and a constant answer give.
 */
import type { TaskDescription } from "../datasets/mod.ts";
import { Random, type Seed } from "../base/mod.ts";
import { quantile } from "./evaluate.ts";

export type Metric = "accuracy" | "pearson";

export function metricOf({ kind }: TaskDescription): Metric {
  return kind === "similarity" ? "pearson" : "accuracy";
}

/** @param predictions classes, options or scores, as `labels` are */
export function score(
  metric: Metric,
  predictions: ArrayLike<number>,
  labels: ArrayLike<number>,
): number {
  return metric === "pearson" ? pearson(predictions, labels) : accuracy(predictions, labels);
}

export function accuracy(predictions: ArrayLike<number>, labels: ArrayLike<number>): number {
  let right = 0;
  for (let i = 0; i < labels.length; i++) if (predictions[i] === labels[i]) right++;
  return right / labels.length;
}

/** Correlation coefficient; 0 when either side is constant. */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const n = x.length;
  let [meanX, meanY] = [0, 0];
  for (let i = 0; i < n; i++) {
    meanX += x[i] / n;
    meanY += y[i] / n;
  }
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    xx += (x[i] - meanX) ** 2;
    yy += (y[i] - meanY) ** 2;
    xy += (x[i] - meanX) * (y[i] - meanY);
  }
  return xx === 0 || yy === 0 ? 0 : xy / Math.sqrt(xx * yy);
}

/** Index of the largest, the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** Expected score of a guess that knows nothing. */
export function chanceOf({ kind, nClasses }: TaskDescription): number {
  return kind === "similarity" ? 0 : 1 / nClasses;
}

/** Score on `labels` of the commonest label of `train`; 0 for similarity, where a constant has no correlation. */
export function majorityScore(
  { kind }: TaskDescription,
  train: readonly number[],
  labels: readonly number[],
): number {
  if (kind === "similarity") return 0;
  const counts: number[] = [];
  for (const label of train) counts[label] = (counts[label] ?? 0) + 1;
  const majority = argmax(Array.from(counts, (count) => count ?? 0));
  return accuracy(labels.map(() => majority), labels);
}

/** 95 % percentile interval over resamples of the examples. */
export function scoreInterval(
  metric: Metric,
  predictions: readonly number[],
  labels: readonly number[],
  { samples, seed }: { readonly samples: number; readonly seed: Seed },
): [number, number] {
  const random = new Random(seed);
  const scores = Array.from({ length: samples }, () => {
    const drawn = labels.map(() => random.below(labels.length));
    return score(metric, drawn.map((i) => predictions[i]), drawn.map((i) => labels[i]));
  });
  return [quantile(scores, 0.025), quantile(scores, 0.975)];
}
