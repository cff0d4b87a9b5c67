/**
 * The monitors of a whole run: rows by participant and step, kept beside its checkpoints, and the warning that comes of them.
 */
import type { Log } from "../base/mod.ts";
import type { MetricsRow } from "./metrics_files.ts";
import type { MetricsRows } from "./metrics_rows.ts";
import { activationGrowth, type MonitorRow } from "./monitors.ts";
import type { MonitorSettings, WarningThresholds } from "./settings.ts";
import { type RowsPlace, RunRows } from "./run_rows.ts";
import type { Monitor } from "./trainer.ts";
import { warnOfGrowth } from "./warnings.ts";

export interface MonitoredRun {
  readonly settings: {
    readonly monitors?: MonitorSettings;
    readonly warnings?: Pick<WarningThresholds, "activationGrowth">;
  };
  readonly checkpointFolder: string;
  readonly log: Log;
}

/** What is trained: the participant of a round, or the mixture. */
type Place = { readonly round?: number; readonly source: string };

type RunRow = MonitorRow & Place & { readonly kind: "monitor" };

export class RunMonitor {
  readonly #run: MonitoredRun;
  /** Null for a run without monitors. */
  readonly #everySteps: number | null;
  readonly #rows: RunRows<RunRow>;
  /** The first row of each participant. */
  #first = new Map<string, RunRow>();

  constructor(run: MonitoredRun) {
    this.#run = run;
    this.#everySteps = run.settings.monitors?.everySteps ?? null;
    this.#rows = new RunRows(`${run.checkpointFolder}/.parts/monitors.jsonl`);
  }

  /** As that of `RunRows`. */
  goOnFrom(place: RowsPlace | undefined): void {
    this.#first = new Map();
    for (const row of this.#rows.goOnFrom(place)) this.#noteFirst(row);
  }

  get place(): RowsPlace {
    return this.#rows.place;
  }

  /**
   * The monitor of a participant's local training; undefined for a run without monitors.
   * @param metrics Takes warnings.
   */
  of(place: Place, metrics: MetricsRows): Monitor | undefined {
    const { settings: { warnings }, log } = this.#run;
    if (this.#everySteps === null) return undefined;
    return {
      everySteps: this.#everySteps,
      note: (row) => {
        const placed = { kind: "monitor", ...place, ...row } as const;
        this.#rows.add(placed);
        const first = this.#noteFirst(placed);
        if (warnings === undefined) return;
        const growth = activationGrowth(first, row);
        warnOfGrowth({ metrics, log }, place.source, growth, warnings.activationGrowth);
      },
    };
  }

  /** All rows, in the order of the run. */
  rows(): readonly MetricsRow[] {
    return this.#rows.all();
  }

  #noteFirst(row: RunRow): RunRow {
    const first = this.#first.get(row.source) ?? row;
    this.#first.set(row.source, first);
    return first;
  }
}
