/**
 * The warnings of a run, by name. Their thresholds come from the recipe.
 */
import type { Log } from "../base/mod.ts";
import type { MetricsRows } from "./metrics_rows.ts";

/** A row of metrics; a warning of one name about one thing is given once a run. */
interface Warning {
  readonly name: "activation-growth" | "epochs" | "vocabulary-coverage" | "weak-continuation";
  /** What it is about: a source, or a participant of a round. */
  readonly about: string;
  /** Null where it is not finite. */
  readonly found: number | null;
  readonly threshold: number;
  readonly message: string;
}

/** Where a run's warnings go: its rows of metrics, and its log. */
interface WarningPlace {
  readonly metrics: Pick<MetricsRows, "push" | "hasWarning">;
  readonly log: Log;
}

/** Logs a warning and adds it to the rows of a run, unless these have it already. */
function warnOnce({ metrics, log }: WarningPlace, warning: Warning): void {
  if (metrics.hasWarning(warning)) return;
  metrics.push({ kind: "warning", ...warning });
  log.warn(`${warning.name}: ${warning.message}`, { found: warning.found });
}

/** Warns of sources whose validation text has many tokens that their vocabulary lacks. */
export function warnOfCoverage(
  place: WarningPlace,
  losses: Readonly<Record<string, { readonly unknownShare: number }>>,
  threshold: number,
): void {
  for (const [source, { unknownShare }] of Object.entries(losses)) {
    if (unknownShare <= threshold) continue;
    warnOnce(place, {
      name: "vocabulary-coverage",
      about: source,
      found: unknownShare,
      threshold,
      message: `${(100 * unknownShare).toFixed(1)} % of the validation tokens of "${source}" are ` +
        `outside its vocabulary: its training text is too little or too unlike`,
    });
  }
}

/** Warns of activations that have grown much since a participant was first looked at. */
export function warnOfGrowth(
  place: WarningPlace,
  participant: string,
  growth: number,
  threshold: number,
): void {
  if (!(growth > threshold)) return;
  warnOnce(place, {
    name: "activation-growth",
    about: participant,
    found: Number.isFinite(growth) ? growth : null,
    threshold,
    message: Number.isFinite(growth)
      ? `activations behind a block are ${growth.toPrecision(3)} times what they were when ` +
        `"${participant}" was first looked at: the loss may leap soon; a lower peak rate helps`
      : `activations behind a block of "${participant}" are beyond all numbers; a lower peak rate helps`,
  });
}

/** Warns of a continuation that has learnt little: its loss lies close to that of a uniform guess, ln |V|. */
export function warnOfWeakness(
  place: WarningPlace,
  variant: string,
  { lossNats, vocabSize, threshold }: {
    readonly lossNats: number;
    readonly vocabSize: number;
    readonly threshold: number;
  },
): void {
  const gain = Math.log(vocabSize) - lossNats;
  if (gain >= threshold) return;
  warnOnce(place, {
    name: "weak-continuation",
    about: variant,
    found: gain,
    threshold,
    message: `the loss ended ${gain.toFixed(2)} nats below a uniform guess: ` +
      `more continue.steps or a higher rate would make models comparable`,
  });
}

/** Warns of a source whose text a run has read too often: what is repeated teaches less each time. */
export function warnOfEpochs(
  place: WarningPlace,
  run: string,
  { source, epochs, threshold }: {
    readonly source: string;
    readonly epochs: number;
    readonly threshold: number;
  },
): void {
  if (!(epochs > threshold)) return;
  warnOnce(place, {
    name: "epochs",
    about: source,
    found: epochs,
    threshold,
    message: `${run} read the text of "${source}" ${epochs.toFixed(1)} times: ` +
      `more text or fewer steps would keep it new`,
  });
}
