/**
 * The timeline of a report: which run made what, and what it found.
 */
import assert from "node:assert/strict";
import type { ReportRecord } from "../../commands/report/records.ts";
import { sessionsOf } from "../../commands/report/sessions.ts";
import type { PastRun } from "../../pipeline/run_history.ts";

const minute = (of: number) => Date.UTC(2026, 0, 1, 12, of);

function record(id: string, key: string, startedAt: number | null): ReportRecord {
  const circumstances = startedAt === null ? null : {
    ...{ startedAt, durationMs: 1000, peakMemoryBytes: undefined },
    ...{ machine: "", versions: "" },
  };
  return {
    id,
    stage: "",
    needs: [],
    isMade: true,
    key,
    packages: [],
    seeds: null,
    outputs: {},
    circumstances,
  };
}

function run(number: number, at: number, keys: Readonly<Record<string, string>>): PastRun {
  return {
    ...{ number, targets: [], identity: { recipe: "tiny" } },
    ...{ at: new Date(at).toISOString(), keys: new Map(Object.entries(keys)) },
  };
}

Deno.test("sessionsOf() gives each run what it made and what it found; what no run made stands last", () => {
  const records = [
    record("documents/a", "d1", minute(1)), // by the first run
    record("pretrain/trim", "p2", minute(11)), // by the second one, which changed a setting
    record("pretrain/spec", "p1", minute(12)), // while the second one ran, but of no run
    record("evaluate/trim", "e2", minute(2)), // as old as the first run, but not with its key: from elsewhere
  ];
  const runs = [
    run(3, minute(20), { "documents/a": "d1", "pretrain/trim": "p2" }), // had nothing to do
    run(2, minute(10), { "documents/a": "d1", "pretrain/trim": "p2", "evaluate/trim": "e2" }),
    run(1, minute(0), { "documents/a": "d1", "pretrain/trim": "p1", "evaluate/trim": "e1" }),
  ];
  const shown = sessionsOf(records, runs).map(({ run, made, found }) => ({
    run,
    made: made.map(({ id }) => id),
    found: found.map(({ id }) => id),
  }));
  assert.deepEqual(shown, [
    { run: 2, made: ["pretrain/trim"], found: ["documents/a", "evaluate/trim"] },
    { run: 1, made: ["documents/a"], found: [] },
    { run: undefined, made: ["evaluate/trim", "pretrain/spec"], found: [] },
  ]);
  const [{ startedAt, endedAt }] = sessionsOf(records, runs);
  assert.deepEqual([startedAt, endedAt], [minute(10), minute(11) + 1000]);
  assert.deepEqual(sessionsOf([record("a", "k", null)], runs), []); // --reproducible
});
