/**
 * Which run made which results, and what it found in the store.
 */
import type { PastRun } from "../../pipeline/run_history.ts";
import type { Circumstances, ReportRecord } from "./records.ts";

/** A result with the circumstances in which it was made. */
export type MadeRecord = ReportRecord & { readonly circumstances: Circumstances };

/** Results that one run made; those that no run of the store made stand together. */
export interface WorkSession {
  /** Of the run; undefined for what was made before the store counted runs, or elsewhere. */
  readonly run?: number;
  readonly startedAt: number;
  readonly endedAt: number;
  /** By start. */
  readonly made: readonly MadeRecord[];
  /** What the run needed and did not make: the cache hits. */
  readonly found: readonly ReportRecord[];
}

/**
 * The sessions in which results were made, the newest first.
 * @param runs The newest first. One run follows another: what has a key of a run, and was made before the next one began, is its own.
 */
export function sessionsOf(
  records: readonly ReportRecord[],
  runs: readonly PastRun[],
): WorkSession[] {
  const left = new Set(records.filter(hasCircumstances));
  const sessions = runs.map(({ number, at, keys }, i): WorkSession => {
    const [begin, end] = [Date.parse(at), i === 0 ? Infinity : Date.parse(runs[i - 1].at)];
    const asked = records.filter(({ id, key }) => key !== null && keys.get(id) === key);
    const made = asked.filter(hasCircumstances)
      .filter((it) => begin <= endOf(it) && endOf(it) < end && left.delete(it));
    return {
      ...sessionOf(made),
      run: number,
      startedAt: begin,
      found: asked.filter((it) => !made.some((one) => one === it)),
    };
  });
  return [...sessions, sessionOf([...left])].filter(({ made }) => made.length > 0);
}

function sessionOf(records: readonly MadeRecord[]): WorkSession {
  const made = records.toSorted((a, b) => a.circumstances.startedAt - b.circumstances.startedAt);
  return {
    startedAt: Math.min(...made.map(({ circumstances }) => circumstances.startedAt)),
    endedAt: Math.max(...made.map(endOf)),
    made,
    found: [],
  };
}

function hasCircumstances(record: ReportRecord): record is MadeRecord {
  return record.circumstances !== null;
}

function endOf({ circumstances: { startedAt, durationMs } }: MadeRecord): number {
  return startedAt + durationMs;
}
