/**
 * The monitors of a whole run: rows by participant and step, kept beside its checkpoints, and the warning that comes of them.
 */
import type { Log } from "../base/mod.ts";
import type { MetricsRow } from "./metrics_files.ts";
import { activationGrowth, type MonitorRow } from "./monitors.ts";
import type { MonitorSettings, WarningThresholds } from "./settings.ts";
import { StepRows } from "./step_rows.ts";
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
  readonly #rows: StepRows<RunRow> | undefined;

  constructor(run: MonitoredRun) {
    this.#run = run;
    this.#everySteps = run.settings.monitors?.everySteps ?? null;
    if (this.#everySteps === null) return;
    this.#rows = new StepRows(`${run.checkpointFolder}/.monitors.jsonl`);
  }

  /**
   * The monitor of a participant's local training; undefined for a run without monitors.
   * @param metrics Takes warnings.
   */
  of(place: Place, metrics: MetricsRow[], stepsBefore: number): Monitor | undefined {
    const rows = this.#rows;
    const { settings: { warnings }, log } = this.#run;
    if (rows === undefined || this.#everySteps === null) return undefined;
    return {
      everySteps: this.#everySteps,
      note: (row, stepsTaken) => {
        rows.add(stepsBefore + stepsTaken, { kind: "monitor", ...place, ...row });
        if (warnings === undefined) return;
        const first = rows.all().find(({ source }) => source === place.source)!;
        const growth = activationGrowth(first, row);
        warnOfGrowth({ metrics, log }, place.source, growth, warnings.activationGrowth);
      },
    };
  }

  /** All rows, in the order of the run. */
  rows(): readonly MetricsRow[] {
    return this.#rows?.all() ?? [];
  }
}
