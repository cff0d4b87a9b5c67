/**
 * The search for a variant's learning rate: down a grid until a whole run survives, or the best of a short list of rates, each with a
 * whole run, so that all see as many tokens.
 *
 * Source of the former: DEPT App. A.1: start at η_max, lower until one run finishes its full cosine without diverging. Pre-training at that rate
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
  /** In the order of trying. */
  readonly attempts: readonly TuneAttempt[];
}

/**
 * Tries rates: from `settings.inner.peakLearningRate` down, or its multiples. Goes on from what `checkpointFolder` has.
 * @throws StageError when no rate survives. @throws signal.reason when aborted, after a checkpoint.
 */
export async function tuneLearningRate(
  options: Pretraining & { readonly tune: TuneSettings },
): Promise<TuneResult> {
  const { variant, settings, tune, checkpointFolder, log } = options;
  mkdirSync(checkpointFolder, { recursive: true });
  const place = `${checkpointFolder}/attempts.json`;
  const attempts = keptAttempts(place, log);
  const rates = ratesOf(settings.inner.peakLearningRate, tune);
  const isFound = () => tune.choose === "highest" && attempts.at(-1)?.diverged === null;
  while (attempts.length < rates.length && !isFound()) {
    const peakLearningRate = rates[attempts.length];
    const attempt = await tryRate(options, peakLearningRate, attempts.length);
    attempts.push(attempt);
    log.info("attempt", { ...attempt });
    writeFileAtomic(place, JSON.stringify(attempts));
  }
  const chosen = chosenOf(attempts, tune);
  if (chosen === undefined) {
    const wayOut = tune.choose === "highest" ? "widen tune.gridStep" : "change tune.factors";
    throw new StageError(
      `Cannot tune ${variant.id}: expected a rate whose whole run survives, found none of ` +
        `${attempts.map((attempt) => attempt.peakLearningRate).join(", ")}; ` +
        `lower pretrain.inner.peakLearningRate or ${wayOut}`,
    );
  }
  const { peakLearningRate } = chosen;
  if (
    tune.choose === "best" && [Math.min, Math.max].some((end) => end(...rates) === peakLearningRate)
  ) {
    log.warn(
      `the best rate of ${variant.id}, ${peakLearningRate}, is at an end of those that were tried: a better one may lie beyond`,
    );
  }
  return { peakLearningRate, attempts };
}

/** The attempt that counts; of `best` one that validation could judge. */
function chosenOf(
  attempts: readonly TuneAttempt[],
  { choose }: TuneSettings,
): TuneAttempt | undefined {
  const survivors = attempts.filter(({ diverged }) => diverged === null);
  if (choose === "highest") return survivors[0];
  const loss = ({ bestLossNats }: TuneAttempt) => bestLossNats ?? Infinity;
  return survivors.filter((attempt) => loss(attempt) < Infinity)
    .toSorted((a, b) => loss(a) - loss(b))[0];
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

/** The rates of a search in its order, without the noise of arithmetic: 6e-4, 5.5e-4, 5e-4. */
function ratesOf(peak: number, { choose, factors, gridStep, attempts }: TuneSettings): number[] {
  const exact = (rate: number) => Number(rate.toFixed(12));
  if (choose === "best") return factors.map((factor) => exact(peak * factor));
  return Array.from({ length: attempts }, (_, attempt) => exact(peak - attempt * gridStep))
    .filter((rate) => rate > 0);
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
