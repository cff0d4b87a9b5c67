/**
 * The rows of metrics of a run under way. They are in a file; of the warnings among them is known which were given.
 */
import type { MetricsRow } from "./metrics_files.ts";
import { type RowsPlace, RunRows } from "./run_rows.ts";

/** Where the rows of a run under way lie in its folder of checkpoints. */
export const rowsUnderWay = ".parts/metrics.jsonl";

export class MetricsRows {
  readonly #rows: RunRows<MetricsRow>;
  #warnings = new Set<string>();

  constructor(path: string) {
    this.#rows = new RunRows(path);
  }

  /** As that of `RunRows`. */
  goOnFrom(place: RowsPlace | undefined): void {
    const rows = this.#rows.goOnFrom(place);
    this.#warnings = new Set();
    for (const row of rows) this.#note(row);
  }

  get place(): RowsPlace {
    return this.#rows.place;
  }

  push(row: MetricsRow): void {
    this.#rows.add(row);
    this.#note(row);
  }

  /** Whether a warning of this name about the same thing is among the rows. */
  hasWarning({ name, about }: { readonly name: string; readonly about: string }): boolean {
    return this.#warnings.has(JSON.stringify([name, about]));
  }

  /** In order. */
  all(): MetricsRow[] {
    return this.#rows.all();
  }

  #note({ kind, name, about }: MetricsRow): void {
    if (kind === "warning") this.#warnings.add(JSON.stringify([name, about]));
  }
}
