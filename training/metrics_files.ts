/**
 * A run's rows as files: `metrics.jsonl`, `monitors.jsonl` where monitors were on, and both as TensorBoard events; and
 * `participants.jsonl`, where not everybody took part in every round.
 */
import { canonicalJson, type Json, writeFileSynced } from "../base/mod.ts";
import { scalarsOf } from "./monitors.ts";
import { participantsFile, type Participation } from "./participation.ts";
import { encodeEvents, eventFile, type Scalar } from "./tensorboard.ts";

/** A row of what a run tells: its kind, and what goes with that. */
export type MetricsRow = { readonly kind: string; readonly [name: string]: Json | undefined };

/** Writes the files of a run into a folder that exists. */
export function writeMetrics(
  folder: string,
  { metrics, monitors }: {
    readonly metrics: readonly MetricsRow[];
    readonly monitors: readonly MetricsRow[];
  },
): void {
  writeFileSynced(`${folder}/metrics.jsonl`, linesOf(metrics));
  const participations = participationsIn(metrics);
  if (participations.length > 0) {
    writeFileSynced(`${folder}/${participantsFile}`, linesOf(participations));
  }
  if (monitors.length > 0) writeFileSynced(`${folder}/monitors.jsonl`, linesOf(monitors));
  writeFileSynced(`${folder}/${eventFile}`, encodeEvents(scalars([...metrics, ...monitors])));
}

/** The rounds in which somebody was left out, of a run's rows of metrics. */
export function participationsIn(metrics: readonly MetricsRow[]): readonly Participation[] {
  return metrics.filter(({ kind }) => kind === "participants")
    .map(({ round, sampled, accepted, leftOut, unscored }) => ({
      round: round as number,
      sampled: sampled as Participation["sampled"],
      accepted: accepted as Participation["accepted"],
      leftOut: leftOut as Participation["leftOut"],
      unscored: unscored as Participation["unscored"],
    }));
}

function linesOf(rows: readonly { readonly [name: string]: Json | undefined }[]): string {
  return rows.map((row) => canonicalJson(row) + "\n").join("");
}

/** Every number of a row at its step, or at its round where it has none: `local/it/lossNatsMean`. */
function* scalars(rows: readonly MetricsRow[]): Generator<Scalar> {
  for (const { kind, step, round, source, ...rest } of rows) {
    const at = step ?? round;
    if (typeof at !== "number") continue;
    const group = typeof source === "string" ? `${kind}/${source}` : `${kind}`;
    for (const [name, value] of scalarsOf(rest)) yield { step: at, tag: `${group}/${name}`, value };
  }
}
