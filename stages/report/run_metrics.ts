/**
 * Rows of `metrics.jsonl`, as pre-training and continuation write them.
 */
import { readFileSync } from "node:fs";
import type { MonitorRow } from "../../training/mod.ts";

/** A participant of a round. */
interface LocalRow {
  readonly kind: "local";
  readonly round: number;
  readonly source: string;
  /** Sequential: of this run from its beginning. */
  readonly step?: number;
  readonly vocabSize: number;
  /** Why its result was left out; the fields below are then absent. */
  readonly skipped?: string;
  readonly steps?: number;
  /** Null where no step was taken. */
  readonly lossNatsMean?: number | null;
  readonly lossNatsFirst?: number;
  readonly gradientNormMax?: number;
  /** Steps that were not taken. */
  readonly leftOut?: readonly unknown[];
  readonly heldBytes?: number;
  /** Absent for a mixture. */
  readonly sentBytes?: number;
  readonly returnedBytes?: number;
}

/** A round. */
export interface RoundRow {
  readonly kind: "round";
  readonly round: number;
  readonly validation: Readonly<Record<string, { readonly lossNats: number }>>;
  /** Absent for a mixture, as the losses before averaging are. */
  readonly drift?: {
    readonly deltaNorms: Readonly<Record<string, number>>;
    readonly meanDeltaNorm: number;
    readonly deltaVariance: number;
    readonly cosines: readonly {
      readonly body: number | null;
      readonly tokenEmbedding: number | null;
    }[];
  };
  readonly validationBefore?: Readonly<Record<string, number>>;
}

/** A part of a continuation, up to `step`. */
interface StepsRow {
  readonly kind: "steps";
  readonly step: number;
  readonly lossNatsMean: number;
}

/** Losses of a run on a single source. */
interface ValidationRow {
  readonly kind: "validation";
  readonly step: number;
  readonly lossNats: Readonly<Record<string, number>>;
}

/** How much a run has read of a source. */
interface ExposureRow {
  readonly kind: "exposure";
  readonly source: string;
  readonly windows: number;
  readonly epochWindows: number;
}

/** Who came and went in a run that goes on from another model. */
interface StartRow {
  readonly kind: "start";
  readonly stayed: readonly string[];
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

/** The steps of a source that joins, alone before the first round. */
interface JoiningRow {
  readonly kind: "joining";
  readonly source: string;
  readonly vocabSize: number;
  readonly steps: number;
}

export type MetricsRow =
  | StartRow
  | JoiningRow
  | LocalRow
  | RoundRow
  | StepsRow
  | ValidationRow
  | ExposureRow;

/** The rows of one kind, in their order. */
export function metricsOf<Kind extends MetricsRow["kind"]>(
  folder: string,
  kind: Kind,
): Extract<MetricsRow, { readonly kind: Kind }>[] {
  return readFileSync(`${folder}/metrics.jsonl`, "utf8").split("\n")
    .filter((line) => line !== "") // an untrained variant has no rows
    .map((line) => JSON.parse(line) as MetricsRow)
    .filter((row): row is Extract<MetricsRow, { readonly kind: Kind }> => row.kind === kind);
}

/** Both ways, of all workers in the whole run. */
export function exchangedBytes(rows: readonly LocalRow[]): number {
  return rows.reduce(
    (sum, { sentBytes = 0, returnedBytes = 0 }) => sum + sentBytes + returnedBytes,
    0,
  );
}

/** Parameters, gradients and two moments in float32, of the largest participant. */
export function heldBytes(rows: readonly LocalRow[]): number {
  return Math.max(0, ...rows.map(({ heldBytes = 0 }) => heldBytes));
}

/** What monitors saw, in the order of the run: which participant, and its step. */
export function monitorsOf(folder: string): (MonitorRow & { readonly source: string })[] {
  return readFileSync(`${folder}/monitors.jsonl`, "utf8").trimEnd().split("\n")
    .map((line) => JSON.parse(line));
}
