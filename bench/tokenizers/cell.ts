/** A comparison in one number: what both sides needed, and the ratio that has to reach a target. */

export interface Cell {
  readonly cell: string;
  /** As printed: `0.41 s`, `92 MB/s`. */
  readonly ours: string;
  readonly theirs: string;
  /** How many times better ours is: the median over rounds, each of which divides figures of the same minutes. */
  readonly ratio: number;
  /** The same of time on processors, which tells more where other programs run. */
  readonly cpuRatio?: number;
  /** The least ratio that satisfies; undefined where there is none. */
  readonly target?: number;
  readonly note?: string;
}

export interface BenchOptions {
  /** Folder with `multilingual/` and `domains/`. */
  readonly data: string;
  /** Folder for scratch, removed afterwards. */
  readonly scratch: string;
  readonly rounds: number;
  readonly threads: number;
  /** Take only cells whose name holds this. */
  readonly filter: string;
  say(line: string): void;
}

export function formatCell({ cell, ours, theirs, ratio, cpuRatio, target, note }: Cell): string {
  const verdict = target === undefined ? "" : ratio >= target ? `≥ ${target}` : `BELOW ${target}`;
  return [
    cell.padEnd(44),
    ours.padStart(22),
    theirs.padStart(22),
    (Number.isFinite(ratio) ? `${ratio.toFixed(2)} x` : "-").padStart(9),
    verdict.padEnd(12),
    cpuRatio === undefined ? "" : `${cpuRatio.toFixed(2)} x by processor time;`,
    note ?? "",
  ].join(" ").trimEnd();
}
