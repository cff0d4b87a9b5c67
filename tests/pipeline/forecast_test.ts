import assert from "node:assert/strict";
import type { InstanceForecast } from "../../pipeline/events.ts";
import { forecastPlan } from "../../pipeline/forecast.ts";
import { expand, withoutStudy } from "../../pipeline/instances.ts";
import type { Stage } from "../../pipeline/stage.ts";

/** Instances a and b of weights 1 and 2, c that needs a; d that needs all. */
const needs: Readonly<Record<string, readonly string[]>> = {
  a: [],
  b: [],
  c: ["a"],
  d: ["b", "c"],
};
const stage: Stage = {
  name: "s",
  description: "",
  module: import.meta.url,
  instances: () => Object.keys(needs).map((name) => [name]),
  inputs: (_recipe, [name]) =>
    Object.fromEntries(needs[name].map((needed) => [needed, `s/${needed}#out` as const])),
  outputs: ["out"],
  params: () => ({}),
  weight: (_recipe, [name]) => (name === "b" ? 2 : 1),
};
const instances = expand([stage], withoutStudy({ name: "r", seed: 1 }));

function forecast(durationMs: number, peakMemoryBytes: number): InstanceForecast {
  return { durationMs, peakMemoryBytes, bytes: 10, flops: 100, basis: "instance" };
}

const all = new Map<string, InstanceForecast>([
  ["s/a", forecast(100, 5)],
  ["s/b", forecast(300, 7)],
  ["s/c", forecast(50, 6)],
  ["s/d", { bytes: 1, basis: "none" }],
]);

Deno.test("forecastPlan() starts the costliest of what is ready, as many at once as there are jobs", () => {
  // a and b at once; c when a is done, beside b; d after 300 ms, of unknown duration.
  assert.deepEqual(forecastPlan(all, instances, 2), {
    instances: 4,
    durationMs: 300,
    bytes: 31,
    peakMemoryBytes: 13, // b and c; a and b hold 12
    flops: 300,
    unknown: 1,
  });
  const { durationMs, peakMemoryBytes } = forecastPlan(all, instances, 1);
  assert.deepEqual([durationMs, peakMemoryBytes], [450, 7]); // one after the other
});

Deno.test("forecastPlan() counts only what is not fresh", () => {
  const left = new Map([...all].filter(([id]) => id === "s/c" || id === "s/d"));
  const { instances: count, durationMs } = forecastPlan(left, instances, 2);
  assert.deepEqual([count, durationMs], [2, 50]);
});
