/**
 * How often a run has read its text: windows of each source, counted by the streams that gave them.
 */
import type { Log } from "../base/mod.ts";
import type { MetricsRows } from "./metrics_rows.ts";
import { warnOfEpochs } from "./warnings.ts";
import type { Exposure } from "./windows.ts";

/** The sum over participants, by source; those of a run cut their windows alike. */
function totalExposure(exposures: Iterable<Exposure>): Exposure[] {
  const totals = new Map<string, Exposure>();
  for (const one of exposures) {
    const windows = one.windows + (totals.get(one.source)?.windows ?? 0);
    totals.set(one.source, { ...one, windows });
  }
  return [...totals.values()].sort((a, b) => a.source < b.source ? -1 : 1);
}

/**
 * Adds the exposure of a run that is done to its rows, and a warning of each source that was read more often than the threshold
 * says.
 * @param run For messages: `trim, pre-training`.
 */
export function addExposure(
  { metrics, log }: { readonly metrics: MetricsRows; readonly log: Log },
  exposures: Iterable<Exposure>,
  { run, threshold }: { readonly run: string; readonly threshold: number },
): void {
  const total = totalExposure(exposures);
  for (const exposure of total) metrics.push({ kind: "exposure", ...exposure });
  for (const { source, windows, epochWindows } of total) {
    warnOfEpochs({ metrics, log }, run, { source, epochs: windows / epochWindows, threshold });
  }
}
