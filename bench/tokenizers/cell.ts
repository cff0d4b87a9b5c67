/** A comparison in one number: what both sides needed, and the ratio that has to reach a target. */
import { median } from "../timing.ts";

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

/** How long something took. */
export interface Times {
  /** By the clock. */
  readonly seconds: number;
  /** On processors, all threads together: that hardly changes when other programs take some of them. */
  readonly cpuSeconds: number;
}

/**
 * Runs both sides in turn, round by round.
 *
 * @param shown writes seconds as the cell prints them
 */
export async function compare<Measured extends Times>(
  names: Pick<Cell, "cell" | "target">,
  { rounds }: BenchOptions,
  ours: () => Promise<Measured>,
  theirs: () => Promise<Measured>,
  shown: (seconds: number) => string = (seconds) => `${seconds.toPrecision(3)} s`,
): Promise<{ cell: Cell; ours: readonly Measured[]; theirs: readonly Measured[] }> {
  const runs: { readonly ours: Measured[]; readonly theirs: Measured[] } = { ours: [], theirs: [] };
  for (let round = 0; round < rounds; round++) {
    runs.ours.push(await ours());
    runs.theirs.push(await theirs());
  }
  const secondsOf = (side: readonly Times[]) => shown(median(side.map(({ seconds }) => seconds)));
  const ratioOf = (field: keyof Times) =>
    median(runs.ours.map((own, round) => runs.theirs[round][field] / own[field]));
  const cell = {
    ...names,
    ours: secondsOf(runs.ours),
    theirs: secondsOf(runs.theirs),
    ratio: ratioOf("seconds"),
    cpuRatio: ratioOf("cpuSeconds"),
  };
  return { cell, ...runs };
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
