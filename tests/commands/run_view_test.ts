import assert from "node:assert/strict";
import { ProgressMeter, RunView } from "../../commands/run_view.ts";

Deno.test("ProgressMeter gives rates and what is left since the first report", () => {
  // Resumed at step 100: the first report's own tokens took a time that nobody measured.
  const first = { done: 100, total: 400, unit: "steps", tokens: 5000, lossNats: 4 };
  const meter = new ProgressMeter(first, 10_000);
  meter.add(first, 10_000);
  assert.equal(meter.text(), "steps 100/400  loss 4.000");
  meter.add({ ...first, done: 120, tokens: 40_000, lossNats: 3.5, note: "round 2" }, 12_000);
  // 40,000 tokens in 2 s; 20 steps in 2 s and 280 to go.
  assert.equal(meter.text(), "steps 120/400  loss 3.500  ~28.0 s left  20.0k tokens/s  round 2");
});

Deno.test("ProgressMeter begins again where another attempt does", () => {
  const state = (done: number) => ({ done, total: 100, unit: "steps", tokens: 10 });
  const meter = new ProgressMeter(state(1), 0);
  meter.add(state(99), 98_000);
  meter.add(state(1), 100_000);
  meter.add(state(3), 101_000); // two steps in a second: 97 are left
  assert.equal(meter.text(), "steps 3/100  ~48.5 s left  10 tokens/s");
});

/** What a view writes: to the screen, and as errors. */
function shown(isTerminal: boolean, show: (view: RunView) => void) {
  let [screen, errors] = ["", ""];
  const view = new RunView({
    isTerminal,
    size: () => ({ columns: 60, rows: 24 }),
    write: (text) => screen += text,
    writeError: (text) => errors += text,
  }, { isVerbose: false });
  show(view);
  return { screen, errors };
}

const started = {
  type: "started",
  instance: "walk/a",
  key: "k",
  reason: "new",
  place: "here",
} as const;

Deno.test("RunView draws live lines on a terminal only, and removes them", () => {
  const events = (view: RunView) => {
    view.show({ ...started, isResumed: false });
    view.show({
      type: "done",
      instance: "walk/a",
      key: "k",
      durationMs: 1500,
      summary: {},
      outputs: {},
    });
  };
  assert.equal(
    shown(false, events).screen,
    `start   walk/a${" ".repeat(26)}new\ndone    walk/a${" ".repeat(26)}  1/1  1.5 s\n`,
  );
  const { screen } = shown(true, events);
  assert.equal(screen.split("\x1b[1A\r\x1b[J").length, 2, "one live line was drawn and cleared");
  assert.ok(screen.endsWith("1.5 s\n"));
});

const plan = {
  type: "plan",
  format: 2,
  recipe: "toy",
  description: "A toy.",
  store: "store",
  engine: "cpu, 1 thread",
  jobs: 1,
  instances: [
    { instance: "words/a", state: "fresh" },
    { instance: "walk/a", state: "run", forecast: { basis: "instance", durationMs: 10_000 } },
    { instance: "walk/b", state: "waiting", forecast: { basis: "instance", durationMs: 10_000 } },
  ],
  forecast: {
    instances: 2,
    durationMs: 20_000,
    bytes: 0,
    peakMemoryBytes: 0,
    flops: 0,
    unknown: 0,
    estimated: 0,
  },
} as const;

/** What a terminal shows of what was written: the cursor moves only as `LiveLines` moves it. */
function visible(written: string): string[] {
  const lines: string[] = [];
  const [first, ...parts] = written.split("\x1b[");
  lines.push(...first.split("\n").slice(0, -1));
  for (const part of parts) {
    if (part.startsWith("J")) lines.push(...part.slice(1).split("\n").slice(0, -1));
    else lines.splice(lines.length - Number(/^(\d+)A\r$/.exec(part)![1]));
  }
  return lines;
}

Deno.test("RunView draws a bar of the whole run with counts and the last validation, until it stops or ends", () => {
  const log = { type: "log", instance: "walk/a", level: "info", message: "round" } as const;
  const work = (view: RunView) => {
    view.show(plan);
    view.show({ ...started, isResumed: false });
    view.show({ ...log, fields: { round: 3, validationLossNats: 2.5 } });
    view.show({ type: "log", instance: "walk/a", level: "info", message: "walked" });
    view.tick();
  };
  const drawn = visible(shown(true, work).screen);
  assert.match(drawn.at(-4)!, /^[█▏▎▍▌▋▊▉]?░+ +0 % {2}0\/2 {2}\d+ ms {2}~\d+\.\d s left$/);
  assert.deepEqual(drawn.slice(-3, -1), [
    "1 at work · 1 queued · 1 cached",
    "validation 2.500 nats (walk/a round 3)", // both are too long for 60 columns
  ]);
  assert.match(drawn.at(-1)!, /^ {2}… walk\/a {2}\d+ ms$/);
  const ends = [
    { type: "stopping", signal: "SIGINT", running: ["walk/a"] },
    { type: "summary", durationMs: 1, ran: [], cached: [], failed: [], left: ["walk/b"] },
  ] as const;
  for (const event of ends) {
    const { screen } = shown(true, (view) => {
      work(view);
      view.show(event);
      view.tick();
    });
    assert.ok(visible(screen).every((line) => !line.includes("░")), event.type);
  }
  const plain = shown(false, work).screen;
  assert.ok(!plain.includes("░") && !plain.includes("\x1b"), plain);
});

Deno.test("RunView writes a failure as an error, with the log's path", () => {
  const { screen, errors } = shown(false, (view) => {
    view.show({ ...started, isResumed: true });
    view.show({ type: "failed", instance: "walk/a", message: "Cannot walk", log: "logs/k.log" });
  });
  assert.match(screen, /new, goes on from a checkpoint\n$/);
  assert.equal(errors, "error: walk/a failed: Cannot walk\n  log: logs/k.log\n");
});
