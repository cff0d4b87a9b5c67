import assert from "node:assert/strict";
import { barLines, barText } from "../../commands/run_bar.ts";
import { RunTime } from "../../commands/run_time.ts";

/** A plan of instances with forecasts in seconds; `undefined` is one of which nothing is known. */
function planOf(forecasts: Readonly<Record<string, number | undefined>>, wallMs: number, jobs = 2) {
  const instances = Object.entries(forecasts).map(([instance, seconds]) => ({
    instance,
    state: "run" as const,
    forecast: seconds === undefined
      ? { basis: "none" as const }
      : { basis: "instance" as const, durationMs: 1000 * seconds },
  }));
  return {
    type: "plan" as const,
    format: 2 as const,
    recipe: "toy",
    description: "",
    store: "store",
    engine: "cpu",
    jobs,
    instances: [...instances, { instance: "fresh", state: "fresh" as const }],
    forecast: {
      instances: instances.length,
      durationMs: wallMs,
      bytes: 0,
      peakMemoryBytes: 0,
      flops: 0,
      unknown: 0,
      estimated: 0,
    },
  };
}

const nobody = new Map();

Deno.test("RunTime gives the forecast before anything has ended, and shares by time", () => {
  const time = new RunTime(planOf({ a: 10, b: 30, c: 20 }, 30_000)); // 60 s of work in 30 s: two at once
  assert.deepEqual(time.at(0, nobody), { share: 0, leftMs: 30_000 });
  // a has 4 s left by its own reports after 6 s; b by its forecast 24 s after as much; c 20 s.
  const atWork = new Map([["a", { startedAt: 0, leftMs: 4000 }], ["b", { startedAt: 0 }]]);
  const { share, leftMs } = time.at(6000, atWork)!;
  assert.deepEqual([share, leftMs], [12 / 60, 24_000]); // (4 + 24 + 20) / 2
});

Deno.test("RunTime goes by what instances have taken, the longest of those at work at least", () => {
  const time = new RunTime(planOf({ a: 10, b: 30, c: 20 }, 30_000));
  time.end("a", 25_000); // (25 + 5) / (10 + 5): all takes twice as long
  assert.equal(time.at(25_000, nobody)!.leftMs, 60_000); // b alone; (60 + 40) / 2 were less
  const atWork = new Map([["b", { startedAt: 0, leftMs: 90_000 }]]);
  assert.equal(time.at(25_000, atWork)!.leftMs, 90_000);
  time.end("b", 60_000);
  time.end("c"); // its inputs were what they were: it took nothing
  assert.deepEqual(time.at(60_000, nobody), { share: 1, leftMs: 0 });
});

Deno.test("RunTime says nothing as long as nothing is known of an instance, then takes it for one like the others", () => {
  const time = new RunTime(planOf({ a: undefined, b: undefined, c: undefined }, 1500));
  assert.equal(time.at(0, nobody), undefined);
  time.end("a", 8000);
  assert.deepEqual(time.at(8000, nobody), { share: 1 / 3, leftMs: 16_000 }); // plans of 500 ms each say one at once
  time.add("d"); // damaged
  assert.equal(time.at(8000, nobody)!.leftMs, 24_000);
});

const state = {
  finished: 3,
  toDo: 12,
  running: 2,
  cached: 4,
  failed: 0,
  elapsedMs: 65_000,
  time: { share: 0.5, leftMs: 130_000 },
};

Deno.test("barLines() takes one line where there is room, else two, and never more columns than there are", () => {
  const numbers = " 50 %  3/12  1 min 5 s  ~2 min 10 s left";
  const counts = "2 at work · 7 queued · 4 cached";
  assert.deepEqual(barLines(state, 150), [
    `${"█".repeat(20)}${"░".repeat(20)} ${numbers} · ${counts}`,
  ]);
  const room = 60 - 1 - numbers.length - 1; // an odd number of columns is halved in eighths
  const half = "█".repeat(Math.floor(room / 2)) + (room % 2 ? "▌" : "");
  assert.deepEqual(barLines(state, 60), [
    `${half.padEnd(room, "░")} ${numbers}`,
    counts,
  ]);
  for (const columns of [45, 60, 80, 100, 150, 200]) {
    assert.ok(barLines(state, columns).every((line) => line.length < columns), `${columns}`);
  }
});

Deno.test("barLines() counts instances where no time is known, and names failures and the last validation", () => {
  const { time: _, ...unknown } = state;
  const validation = "3.214 nats (pretrain/trim round 4)";
  const [line] = barLines({ ...unknown, failed: 1, validation }, 200);
  assert.match(line, /^█{10}░{30} {2}25 % {2}3\/12 {2}1 min 5 s · 2 at work · 6 queued/);
  assert.match(line, /· 1 failed · validation 3\.214 nats \(pretrain\/trim round 4\)$/);
  assert.equal(
    barText({ ...state, validation }),
    `3/12 after 1 min 5 s, ~2 min 10 s left · 2 at work · 7 queued · 4 cached · validation ${validation}`,
  );
});
