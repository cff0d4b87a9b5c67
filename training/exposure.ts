/**
 * How often a run has read its text: windows of each source, counted by the streams that gave them.
 */
import type { Log } from "../base/mod.ts";
import type { MetricsRow } from "./metrics_files.ts";
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
 * The rows of a run that is done, and those of its exposure after them, with a warning of each source that was read more often
 * than the threshold says.
 * @param run For messages: `trim, pre-training`.
 */
export function withExposure(
  rows: readonly MetricsRow[],
  exposures: Iterable<Exposure>,
  { run, threshold, log }: { readonly run: string; readonly threshold: number; readonly log: Log },
): MetricsRow[] {
  const total = totalExposure(exposures);
  const metrics: MetricsRow[] = [
    ...rows,
    ...total.map((exposure) => ({ kind: "exposure", ...exposure })),
  ];
  for (const { source, windows, epochWindows } of total) {
    warnOfEpochs({ metrics, log }, run, { source, epochs: windows / epochWindows, threshold });
  }
  return metrics;
}
