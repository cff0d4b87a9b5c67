import assert from "node:assert/strict";
import { StopWishes } from "../../commands/stop_signals.ts";

/** What signals at milliseconds lead to. */
function heard(...signals: readonly ["SIGINT" | "SIGTERM" | "SIGHUP", number][]): string[] {
  const done: string[] = [];
  const wishes = new StopWishes({
    stop: (signal) => done.push(`stop ${signal}`),
    kill: () => done.push("kill"),
  });
  assert.equal(wishes.signal, undefined);
  for (const [signal, at] of signals) wishes.hear(signal, at);
  assert.equal(wishes.signal, signals[0][0]);
  return done;
}

Deno.test("StopWishes: signals within a second are one wish, a later one ends at once", () => {
  assert.deepEqual(heard(["SIGINT", 5000], ["SIGINT", 5020]), ["stop SIGINT"]);
  assert.deepEqual(heard(["SIGHUP", 0], ["SIGTERM", 999]), ["stop SIGHUP"]); // a system that goes down
  assert.deepEqual(heard(["SIGINT", 0], ["SIGINT", 20], ["SIGINT", 1000]), ["stop SIGINT", "kill"]);
});
