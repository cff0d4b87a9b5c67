/**
 * Learning rates as functions of the step.
 */
import type { ScheduleKind } from "./settings.ts";

interface CosineSchedule {
  /** η_max. */
  readonly peakLearningRate: number;
  readonly warmupSteps: number;
  /** α: the share of the peak at which the cosine ends. */
  readonly finalFactor: number;
  /** t_max: steps of the whole run. */
  readonly totalSteps: number;
}

/**
 * Learning rate of step t = 0, 1, …: linear from 0 to the peak, then a cosine down to `finalFactor` of the peak, where it
 * stays. The first step's rate is 0 when there is any warm-up.
 *
 * Source: MosaicML Composer, `CosineAnnealingWithWarmupScheduler` (paper §2.2):
 * α + (1 − α)·½(1 + cos(π·(t − t_w)/(t_max − t_w))).
 */
export function cosineWithWarmup(step: number, schedule: CosineSchedule): number {
  const { peakLearningRate, warmupSteps, finalFactor, totalSteps } = schedule;
  if (step < warmupSteps) return peakLearningRate * (step / warmupSteps);
  const length = totalSteps - warmupSteps;
  const share = length > 0 ? Math.min(1, (step - warmupSteps) / length) : 1;
  const cosine = 0.5 * (1 + Math.cos(Math.PI * share));
  return peakLearningRate * (finalFactor + (1 - finalFactor) * cosine);
}

interface Schedule extends CosineSchedule {
  /** Default: cosine. */
  readonly schedule?: ScheduleKind;
  /** `wsd`: the share of all steps that the way down takes. */
  readonly decayFraction?: number;
}

/**
 * Learning rate of step t = 0, 1, …: linear from 0 to the peak, then as `schedule` says; `cosine`, `linear` and `wsd` end at
 * `finalFactor` of the peak and stay there.
 *
 * Source: Hu et al. 2024 (MiniCPM), §4.2, for warm-up, stable, decay. Differs: its way down is a line, as in Hägele et al. 2024.
 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { peakLearningRate, warmupSteps, finalFactor, totalSteps } = schedule;
  const kind = schedule.schedule ?? "cosine";
  if (kind === "cosine" || step < warmupSteps) return cosineWithWarmup(step, schedule);
  const down = (from: number) => {
    const share = totalSteps > from ? (step - from) / (totalSteps - from) : 1;
    return peakLearningRate * (1 - (1 - finalFactor) * Math.min(1, Math.max(0, share)));
  };
  switch (kind) {
    case "linear":
      return down(warmupSteps);
    case "constant":
      return peakLearningRate;
    case "wsd": {
      const decaySteps = Math.round(totalSteps * (schedule.decayFraction ?? 0));
      return down(Math.max(warmupSteps, totalSteps - decaySteps));
    }
    default:
      return kind satisfies never;
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
