/**
 * The monitors of a whole run: rows by participant and step, kept beside its checkpoints, and the warning that comes of them.
 */
import type { Json, Log } from "../base/mod.ts";
import { activationGrowth, type MonitorRow } from "./monitors.ts";
import type { MonitorSettings, WarningThresholds } from "./settings.ts";
import { StepRows } from "./step_rows.ts";
import type { LocalTraining } from "./trainer.ts";
import { grownActivations, warnOnce } from "./warnings.ts";

export interface MonitoredRun {
  readonly settings: {
    readonly monitors: MonitorSettings;
    readonly warnings: Pick<WarningThresholds, "activationGrowth">;
  };
  readonly checkpointFolder: string;
  readonly log: Log;
}

/** Whether a run is looked into at all. */
export function isMonitored({ monitors }: MonitoredRun["settings"]): boolean {
  return monitors.everySteps !== null;
}

export class RunMonitor {
  readonly #run: MonitoredRun;
  readonly #rows: StepRows | undefined;

  constructor(run: MonitoredRun) {
    this.#run = run;
    if (isMonitored(run.settings)) {
      this.#rows = new StepRows(`${run.checkpointFolder}/monitors.jsonl`);
    }
  }

  /**
   * The monitor of a participant's local training; undefined where none is asked for.
   * @param place Names what is trained in its rows: round and source.
   * @param metrics Takes warnings.
   */
  of(
    place: { readonly round?: number; readonly source: string },
    metrics: Json[],
    stepsBefore: number,
  ): LocalTraining["monitor"] {
    const rows = this.#rows;
    const { settings: { monitors, warnings }, log } = this.#run;
    if (rows === undefined) return undefined;
    return {
      everySteps: monitors.everySteps!,
      note: (row, stepsBehind) => {
        rows.add(stepsBefore + stepsBehind, { kind: "monitor", ...place, ...row });
        if (warnings === undefined) return;
        const all = rows.all() as unknown as readonly (MonitorRow & { readonly source: string })[];
        const growth = activationGrowth(all.find(({ source }) => source === place.source)!, row);
        warnOnce(metrics, log, grownActivations(place.source, growth, warnings.activationGrowth));
      },
    };
  }

  /** All rows, in the order of the run. */
  rows(): readonly Json[] {
    return this.#rows?.all() ?? [];
  }
}
