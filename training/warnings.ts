/**
 * The warnings of a run, by name. Their thresholds come from the recipe.
 */
import type { Log } from "../base/mod.ts";
import type { MetricsRow } from "./metrics_files.ts";

type WarningName = "activation-growth" | "vocabulary-coverage" | "weak-continuation";

/** A row of metrics; a warning of one name about one thing is given once a run. */
type WarningRow = {
  readonly kind: "warning";
  readonly name: WarningName;
  /** What it is about: a source, or a participant of a round. */
  readonly about: string;
  readonly found: number;
  readonly threshold: number;
  readonly message: string;
};

/** Logs a warning, where there is one, and adds it to the rows of a run, unless these have it already. */
export function warnOnce(
  rows: MetricsRow[],
  log: Log,
  warning: Omit<WarningRow, "kind"> | undefined,
): void {
  if (warning === undefined) return;
  const isKnown = rows.some(({ kind, name, about }) =>
    kind === "warning" && name === warning.name && about === warning.about
  );
  if (isKnown) return;
  rows.push({ kind: "warning", ...warning });
  log.warn(`${warning.name}: ${warning.message}`, { found: warning.found });
}

/** Warns of sources whose validation text has many tokens that their vocabulary lacks. */
export function warnOfCoverage(
  rows: MetricsRow[],
  log: Log,
  losses: Readonly<Record<string, { readonly unknownShare: number }>>,
  threshold: number,
): void {
  for (const [source, { unknownShare }] of Object.entries(losses)) {
    warnOnce(rows, log, vocabularyCoverage(source, unknownShare, threshold));
  }
}

function vocabularyCoverage(
  source: string,
  unknownShare: number,
  threshold: number,
): Omit<WarningRow, "kind"> | undefined {
  if (unknownShare <= threshold) return undefined;
  return {
    name: "vocabulary-coverage",
    about: source,
    found: unknownShare,
    threshold,
    message: `${(100 * unknownShare).toFixed(1)} % of the validation tokens of "${source}" are ` +
      `outside its vocabulary: its training text is too little or too unlike`,
  };
}

/** Activations that have grown much since a participant was first looked at. */
export function grownActivations(
  participant: string,
  growth: number,
  threshold: number,
): Omit<WarningRow, "kind"> | undefined {
  if (!(growth > threshold)) return undefined;
  return {
    name: "activation-growth",
    about: participant,
    found: growth,
    threshold,
    message: `activations behind a block are ${growth.toPrecision(3)} times what they were when ` +
      `"${participant}" was first looked at: the loss may leap soon; a lower peak rate helps`,
  };
}

/** A continuation that has learnt little: its loss lies close to that of a uniform guess, ln |V|. */
export function weakContinuation(
  variant: string,
  { lossNats, vocabSize, threshold }: {
    readonly lossNats: number;
    readonly vocabSize: number;
    readonly threshold: number;
  },
): Omit<WarningRow, "kind"> | undefined {
  const gain = Math.log(vocabSize) - lossNats;
  if (gain >= threshold) return undefined;
  return {
    name: "weak-continuation",
    about: variant,
    found: gain,
    threshold,
    message: `the loss ended ${gain.toFixed(2)} nats below a uniform guess: ` +
      `more continue.steps or a higher rate would make models comparable`,
  };
}
