import assert from "node:assert/strict";
import { join } from "node:path";
import { forecastText } from "../../commands/plan_view.ts";
import type { InstanceForecast, PlanForecast } from "../../pipeline/events.ts";
import { plannerOf } from "../support/in_process.ts";
import { Forecaster, forecastPlan } from "../../pipeline/forecast.ts";
import { expand, withoutStudy } from "../../pipeline/instances.ts";
import { actionKey } from "../../pipeline/key.ts";
import { listAndSync } from "../../pipeline/listing.ts";
import { provenance } from "../../pipeline/manifest.ts";
import type { Stage } from "../../pipeline/stage.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

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
  declare: (_recipe, [name]) => ({
    inputs: Object.fromEntries(needs[name].map((needed) => [needed, `s/${needed}#out` as const])),
    outputs: ["out"],
    params: {},
    weight: name === "b" ? 2 : 1,
  }),
};
const instances = expand([stage], withoutStudy({ name: "r", seed: 1 }));

function forecast(durationMs: number, peakMemoryBytes: number): InstanceForecast {
  return { durationMs, peakMemoryBytes, bytes: 10, flops: 100, basis: "instance" };
}

const machine = { threads: 8, memoryBytes: 1e12 };

const all = new Map<string, InstanceForecast>([
  ["s/a", forecast(100, 5)],
  ["s/b", forecast(300, 7)],
  ["s/c", forecast(50, 6)],
  ["s/d", { bytes: 1, basis: "none" }],
]);

Deno.test("forecastPlan() starts the costliest of what is ready, as many at once as there are jobs", () => {
  // a and b at once; c when a is done, beside b; d after 300 ms: of it only the start of a process is known.
  assert.deepEqual(forecastPlan(all, instances, 2, machine), {
    instances: 4,
    durationMs: 800,
    bytes: 31,
    peakMemoryBytes: 13, // b and c; a and b hold 12
    flops: 300,
    unknown: 1,
    estimated: 0,
  });
  const { durationMs, peakMemoryBytes } = forecastPlan(all, instances, 1, machine);
  assert.deepEqual([durationMs, peakMemoryBytes], [950, 7]); // one after the other
  // b alone, then a and c: what is forecast does not fit beside b.
  const small = forecastPlan(all, instances, 2, { threads: 8, memoryBytes: 11 });
  assert.deepEqual([small.durationMs, small.peakMemoryBytes], [950, 7]);
});

Deno.test("forecastPlan() counts only what is not fresh", () => {
  const left = new Map([...all].filter(([id]) => id === "s/c" || id === "s/d"));
  const { instances: count, durationMs } = forecastPlan(left, instances, 2, machine);
  assert.deepEqual([count, durationMs], [2, 550]);
});

Deno.test("forecastText() says how well the time is known", () => {
  const text = (change: Partial<PlanForecast>) =>
    forecastText({ ...forecastPlan(all, instances, 2, machine), durationMs: 3_000, ...change }, 2);
  assert.match(
    text({}),
    /^4 instances in at least 3\.0 s \(2 at once\), .*; of 1 nothing is known yet$/,
  );
  assert.match(text({ unknown: 0, estimated: 2 }), /^4 instances in roughly 3\.0 s /);
  assert.match(text({ unknown: 0 }), /^4 instances in about 3\.0 s .* of memory$/);
});

/** An instance that trains; the recipe says how much. */
const training: Stage<{ name: string; seed: number; flops: number }> = {
  name: "training",
  description: "",
  module: new URL("../support/dag_stage/node.ts", import.meta.url).href,
  instances: () => [["a"]],
  declare: ({ flops }) => ({
    outputs: ["out"],
    params: { flops },
    claims: { threads: 2 },
    forecast: { flops, memoryBytes: flops / 1000 },
  }),
};

Deno.test("Forecaster: by an earlier run where it tells, else by operations and threads", async () => {
  await inTemporaryFolder(async (store) => {
    const planner = (flops: number) => {
      const recipe = { name: "r", seed: 1, flops };
      return plannerOf([training], recipe, store);
    };
    const forecast = async (flops: number) => new Forecaster(await planner(flops)).of("training/a");
    // 4e10 a second and thread: 2e12 in 25 s on two, and the start of a process.
    assert.deepEqual(await forecast(2e12), {
      flops: 2e12,
      durationMs: 25_500,
      peakMemoryBytes: 2e9,
      basis: "flops",
    });
    const { store: files, instances } = await planner(1e9);
    const remember = (flops: number, durationMs: number) => {
      const record = {
        format: 1 as const,
        stage: "training",
        code: {},
        packages: {},
        params: { flops },
        inputs: {},
      };
      files.writeManifest({
        format: 1,
        key: actionKey(record),
        instance: "training/a",
        record,
        outputs: {},
        summary: {},
        provenance: provenance("r", { durationMs, flops, peakMemoryBytes: 3e9, bytes: 7 }),
      });
    };
    assert.equal(instances.size, 1);
    // A second is mostly the start of a process: enough for twice the work, not for two thousand times.
    remember(1e9, 1000);
    assert.deepEqual(await forecast(2e9), {
      durationMs: 2000,
      bytes: 7,
      peakMemoryBytes: 3e9,
      flops: 2e9,
      basis: "instance",
    });
    assert.equal((await forecast(2e12)).durationMs, 25_500);
    await new Promise((resolve) => setTimeout(resolve, 2)); // the newest counts
    remember(1e12, 20_000); // 5e10 a second
    assert.equal((await forecast(4e12)).durationMs, 80_000);
    assert.equal(
      (await forecast(4e12)).peakMemoryBytes,
      4e9,
      "the recipe tells more than was seen",
    );
  });
});

/** An instance that makes text, and one that reads it. */
const texts: readonly Stage[] = [{
  name: "text",
  description: "",
  module: new URL("../support/dag_stage/node.ts", import.meta.url).href,
  instances: () => [["a"]],
  declare: () => ({ outputs: ["out"], params: {} }),
}, {
  name: "reading",
  description: "",
  module: new URL("../support/dag_stage/node.ts", import.meta.url).href,
  instances: () => [["a"]],
  declare: () => ({
    inputs: { text: "text/a#out" },
    outputs: ["out"],
    params: {},
    forecast: { flops: 1e9, flopsPerByte: { text: 1e9 }, flopsPerSecond: 1e10 },
  }),
}];

Deno.test("Forecaster: work on a text by the bytes of it, once it has been made", async () => {
  await inTemporaryFolder(async (folder) => {
    const planner = () => plannerOf(texts, { name: "r", seed: 1 }, join(folder, "store"));
    const forecast = async () => new Forecaster(await planner()).of("reading/a");
    assert.deepEqual(await forecast(), { basis: "none" });
    const { store } = await planner();
    const made = join(folder, "made");
    Deno.mkdirSync(made);
    Deno.writeTextFileSync(join(made, "text"), "29 bytes of text to be read.\n");
    const record = {
      format: 1 as const,
      stage: "text",
      code: {},
      packages: {},
      params: {},
      inputs: {},
    };
    store.writeManifest({
      format: 1,
      key: actionKey(record),
      instance: "text/a",
      record,
      outputs: { out: store.publishObject(made, listAndSync(made, "out")) },
      summary: {},
      provenance: provenance("r", { durationMs: 1000 }),
    });
    // 1 + 29 times 1e9 operations, 1e10 in a second; half a second for the process.
    assert.deepEqual(await forecast(), { flops: 3e10, durationMs: 3500, basis: "flops" });
  });
});
