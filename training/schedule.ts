/**
 * Learning rates as functions of the step.
 */
import type { InnerOptimizer } from "./settings.ts";

type ScheduleSetting =
  | "peakLearningRate"
  | "schedule"
  | "warmupSteps"
  | "finalFactor"
  | "decayFraction";
type Schedule = Pick<InnerOptimizer, ScheduleSetting> & {
  /** t_max: steps of the whole run. */
  readonly totalSteps: number;
};

/**
 * Learning rate of step t = 0, 1, …: linear from 0 to the peak η_max, then as `schedule` says; `cosine`, `linear` and `wsd` end at
 * `finalFactor` α of the peak and stay there. The first step's rate is 0 when there is any warm-up.
 *
 * Source: for the cosine MosaicML Composer, `CosineAnnealingWithWarmupScheduler` (paper §2.2):
 * α + (1 − α)·½(1 + cos(π·(t − t_w)/(t_max − t_w))).
 * Hu et al. 2024 (MiniCPM), §4.2, for warm-up, stable, decay. Differs: its way down is a line, as in Hägele et al. 2024.
 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { peakLearningRate, warmupSteps, finalFactor, totalSteps } = schedule;
  if (step < warmupSteps) return peakLearningRate * (step / warmupSteps);
  const shareSince = (from: number) =>
    totalSteps > from ? Math.min(1, Math.max(0, (step - from) / (totalSteps - from))) : 1;
  const down = (from: number) => peakLearningRate * (1 - (1 - finalFactor) * shareSince(from));
  switch (schedule.schedule) {
    case "cosine": {
      const cosine = 0.5 * (1 + Math.cos(Math.PI * shareSince(warmupSteps)));
      return peakLearningRate * (finalFactor + (1 - finalFactor) * cosine);
    }
    case "linear":
      return down(warmupSteps);
    case "constant":
      return peakLearningRate;
    case "wsd": {
      const decaySteps = Math.round(totalSteps * schedule.decayFraction);
      return down(Math.max(warmupSteps, totalSteps - decaySteps));
    }
    default:
      return schedule.schedule satisfies never;
  }
}

interface LinearSchedule {
  readonly peakLearningRate: number;
  /** Share of all steps. */
  readonly warmupFraction: number;
  readonly totalSteps: number;
}

/**
 * Learning rate of step t = 0, 1, …, with x = t / n: linear up while x is below the warm-up's share, then 1 − x of the peak.
 *
 * Source: Radford et al. 2018, §4.1; the authors' `warmup_linear`, in which the way down is not stretched either.
 */
export function linearWithWarmup(step: number, schedule: LinearSchedule): number {
  const { peakLearningRate, warmupFraction, totalSteps } = schedule;
  const share = Math.min(1, step / totalSteps);
  return peakLearningRate * (share < warmupFraction ? share / warmupFraction : 1 - share);
}
