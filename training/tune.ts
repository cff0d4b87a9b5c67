/**
 * The search for a baseline's learning rate: down a grid until a whole run survives.
 *
 * Source: DEPT App. A.1: start at η_max, lower until one run finishes its full cosine without diverging. Pre-training at that rate
 * then keeps its best checkpoint by validation loss. Differs: the paper does not say what counts as diverged, see `TuneSettings`.
 */
import { mkdirSync } from "node:fs";
import { type Log, messageOf, readTextIfThere, StageError, writeFileAtomic } from "../base/mod.ts";
import { pretrain, type Pretraining } from "./pretrain.ts";
import type { TuneSettings } from "./settings.ts";
import { DivergedError } from "./trainer.ts";

interface TuneAttempt {
  readonly peakLearningRate: number;
  /** Why the run counts as diverged; null when it survived. */
  readonly diverged: string | null;
  readonly bestLossNats: number | null;
  readonly lastLossNats: number | null;
}

export interface TuneResult {
  readonly peakLearningRate: number;
  /** In the order of trying; the last one survived. */
  readonly attempts: readonly TuneAttempt[];
}

/**
 * Tries rates from `settings.inner.peakLearningRate` down. Goes on from what `checkpointFolder` has.
 * @throws StageError when no rate survives. @throws signal.reason when aborted, after a checkpoint.
 */
export async function tuneLearningRate(
  options: Pretraining & { readonly tune: TuneSettings },
): Promise<TuneResult> {
  const { variant, settings, tune, checkpointFolder, log } = options;
  mkdirSync(checkpointFolder, { recursive: true });
  const place = `${checkpointFolder}/attempts.json`;
  const attempts = keptAttempts(place, log);
  while (attempts.at(-1)?.diverged !== null) {
    const peakLearningRate = gridRate(settings.inner.peakLearningRate, tune, attempts.length);
    if (attempts.length === tune.attempts || !(peakLearningRate > 0)) {
      throw new StageError(
        `Cannot tune ${variant.id}: expected a rate whose whole run survives, found none of ` +
          `${attempts.map((attempt) => attempt.peakLearningRate).join(", ")}; ` +
          `lower pretrain.inner.peakLearningRate or widen tune.gridStep`,
      );
    }
    const attempt = await tryRate(options, peakLearningRate, attempts.length);
    attempts.push(attempt);
    log.info("attempt", { ...attempt });
    writeFileAtomic(place, JSON.stringify(attempts));
  }
  return { peakLearningRate: attempts.at(-1)!.peakLearningRate, attempts };
}

/** What was tried before. A damaged file is passed over: the attempts then end again as they did, from their checkpoints. */
function keptAttempts(place: string, log: Log): TuneAttempt[] {
  const text = readTextIfThere(place) ?? "[]";
  try {
    const attempts: TuneAttempt[] = JSON.parse(text);
    if (attempts.every(({ diverged }) => diverged === null || typeof diverged === "string")) {
      return attempts;
    }
  } catch { /* as for a list of anything else */ }
  log.warn(
    `Cannot read "${place}": expected a list of attempts, found a damaged file; trying again`,
  );
  return [];
}

/** Rates without the noise of repeated subtraction: 6e-4, 5.5e-4, 5e-4. */
function gridRate(from: number, { gridStep }: TuneSettings, attempt: number): number {
  return Number((from - attempt * gridStep).toFixed(12));
}

async function tryRate(
  options: Pretraining & { readonly tune: TuneSettings },
  peakLearningRate: number,
  attempt: number,
): Promise<TuneAttempt> {
  const { settings } = options;
  try {
    const { metrics, bestLossNats } = await pretrain({
      ...options,
      settings: { ...settings, inner: { ...settings.inner, peakLearningRate }, nonFinite: "stop" },
      checkpointFolder: `${options.checkpointFolder}/attempt-${attempt}`,
    });
    const last = metrics.findLast(({ kind }) => kind === "round")!;
    const lastLossNats = last.validationLossNats as number | null;
    return {
      peakLearningRate,
      diverged: whyDiverged(options, bestLossNats, lastLossNats),
      bestLossNats,
      lastLossNats,
    };
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    return {
      peakLearningRate,
      diverged: messageOf(error),
      bestLossNats: null,
      lastLossNats: null,
    };
  }
}

/** Null for a run that survived, and for one that could not be judged. */
function whyDiverged(
  { tune, sources }: { readonly tune: TuneSettings; readonly sources: Pretraining["sources"] },
  best: number | null,
  last: number | null,
): string | null {
  if (best === null || last === null) return null;
  if (last - best > tune.spikeNats) {
    return `validation loss ended ${(last - best).toFixed(3)} nats above its lowest`;
  }
  const uniform = sources.reduce((sum, { train }) => sum + Math.log(train.vocabSize), 0) /
    sources.length;
  return best - uniform > tune.spikeNats
    ? `validation loss stayed at ${best.toFixed(3)} nats, far above a uniform guess (${
      uniform.toFixed(3)
    })`
    : null;
}
