/**
 * `why`, `status`, `graph`, `log` and `recipes` over toy stages.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pipeline } from "../support/command_line.ts";
import { projectRoot } from "../support/paths.ts";
import { inTemporaryFolder, toy, toyCommand, until } from "../support/toy_cli.ts";

Deno.test("why: a result knows its key, recipe, runtime, platform, seeds, parents and when", async () => {
  await inTemporaryFolder(async (store) => {
    await toy(store, "run", "walk/a/left");
    const { code, stdout } = await toy(store, "why", "walk/a/left", "--json");
    assert.equal(code, 0);
    const { format, recipe, instances: [it] } = JSON.parse(stdout);
    assert.deepEqual([format, recipe, it.state], [1, "toy", "fresh"]);
    assert.match(it.key, /^[0-9a-f]{64}$/);
    assert.deepEqual(it.record.params, { steps: 8, fault: null });
    assert.deepEqual(it.record.seeds, { root: 1, names: ["walk/*"] });
    const { provenance } = it;
    assert.equal(provenance.deno, Deno.version.deno);
    assert.equal(provenance.platform, Deno.build.os);
    assert.equal(typeof provenance.instructionSet, "string");
    assert.ok(Math.abs(Date.parse(provenance.madeAt) - Date.now()) < 60_000);
    const parent = JSON.parse((await toy(store, "why", "words/a", "--json")).stdout).instances[0];
    assert.deepEqual(it.inputs, [
      { name: "words", digest: parent.outputs.words, from: "words/a#words", key: parent.key },
    ]);
    const text = (await toy(store, "why", "walk/a/left")).stdout;
    assert.match(text, /^walk\/a\/left is fresh\n {2}key {9}[0-9a-f]{64}\n/);
    assert.match(text, /inputs {6}words [0-9a-f]{12} from words\/a#words\n/);
  });
});

Deno.test("why and status: each field that differs from the nearest earlier result, also of what waits", async () => {
  await inTemporaryFolder(async (store) => {
    await toy(store, "run", "walk/a/left", "--set", "steps=5");
    await toy(store, "run", "walk/a/left");
    // Nearer to the older result: one field, not two.
    const near = ["--set", "steps=5", "--set", "seed=1", "--set", "fault={source: a, kind: data}"];
    const { code, stdout } = await toy(store, "why", "walk/a/left", "--json", ...near);
    assert.equal(code, 3);
    const [{ nearest, state }] = JSON.parse(stdout).instances;
    assert.equal(state, "run");
    assert.deepEqual(nearest.differences, [
      { kind: "parameter", name: "fault", before: null, after: "data" },
    ]);
    const set = ["--set", "count=49", "--set", "steps=6"];
    const waiting = await toy(store, "why", "walk/a/left", ...set);
    assert.match(
      waiting.stdout,
      /^walk\/a\/left waits for what it needs\n {2}words\/a must run: parameter count: 50 → 49\n.*\n {2}parameter steps: 8 → 6\n$/,
    );
    await toy(store, "run", "words/a", ...set);
    const status = await toy(store, "status", "walk/a/left", "--json", ...set);
    assert.equal(status.code, 3);
    const [, walk] = JSON.parse(status.stdout).instances;
    const changes = walk.nearest.differences.map((
      { kind, name, from }: { kind: string; name: string; from?: string },
    ) => [kind, name, from]);
    assert.deepEqual(changes, [["parameter", "steps", undefined], ["input", "words", "words/a"]]);
    assert.equal(walk.reason, "parameter steps: 8 → 6, input words: words/a made other bytes");
    const added = await toy(store, "why", "walk/b/right");
    assert.match(added.stdout, /words\/b must run: new\n/);
  });
});

Deno.test("graph: text, Mermaid, dot and SVG of instances and of stages", async () => {
  await inTemporaryFolder(async (store) => {
    await toy(store, "run", "words/a");
    const of = async (...args: string[]) => (await toy(store, "graph", ...args)).stdout;
    assert.equal(
      await of("walk/a/left", "walk/b/left"),
      [
        "fresh    words/a",
        "run      words/b",
        "run      walk/a/left  ← words/a",
        "waiting  walk/b/left  ← words/b",
        "",
      ].join("\n"),
    );
    assert.match(
      await of("walk/a/left", "--format", "mermaid"),
      /^flowchart LR\n {2}n0\["words\/a"\]:::fresh\n(.*\n)* {2}n0 --> n1\n/,
    );
    assert.match(
      await of("--format", "dot", "--stages"),
      /"words" \[label="words ×2".*\n(.*\n)* {2}"words" -> "walk";\n {2}"walk" -> "table";\n\}\n$/,
    );
    const svg = await of("--format", "svg");
    assert.equal(svg.match(/<rect x=/g)?.length, 7, "a box for each instance");
    assert.equal(svg.match(/<path /g)?.length, 8, "an edge for each need"); // 4 walks, 4 into the table
    assert.equal(await of("--format", "svg"), svg);
    const wrong = await toy(store, "graph", "--format", "png");
    assert.equal(wrong.code, 2);
    assert.match(
      wrong.stderr,
      /Cannot draw a graph as "png".*: expected one of text, mermaid, dot, svg\n/,
    );
  });
});

Deno.test("log: what an instance printed, also while it runs", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    const early = await toy(store, "log", "walk/a/left");
    assert.equal(early.code, 2);
    assert.match(
      early.stderr,
      /Cannot show the log of walk\/a\/left: expected a run of it, found none/,
    );
    const slow = ["--set", "steps=60", "--set", "delayMs=50"];
    const run = toyCommand(store, ["run", "walk/a/left", "--quiet", ...slow]).spawn();
    const logOf = (...args: string[]) => toy(store, "log", "walk/a/left", ...args);
    const logs = join(store, "logs");
    const isStarted = () => {
      try {
        return [...Deno.readDirSync(logs)].some(({ name }) =>
          Deno.readTextFileSync(join(logs, name)).startsWith("-- walk/a/left, started")
        );
      } catch {
        return false;
      }
    };
    await until("the walk", isStarted);
    const during = await logOf(...slow);
    assert.match(during.stdout, /^-- walk\/a\/left, started \S+\n$/, "nothing was said yet");
    const followed = await logOf("--follow", ...slow);
    assert.match(followed.stdout, /^-- walk\/a\/left, .*\ninfo: walked .*\n-- done\n$/);
    assert.ok((await run.status).success);
    await Promise.all([run.stdout.cancel(), run.stderr.cancel()]);
    // With parameters that never ran, the newest log of the instance.
    assert.equal((await logOf("--set", "steps=61")).stdout, followed.stdout);
    const several = await toy(store, "log", "walk/a");
    assert.match(several.stderr, /expected one instance, found 2: walk\/a\/left, walk\/a\/right/);
  });
});

Deno.test("recipes: names with a line each, what others start from apart", async () => {
  const { code, stdout } = await pipeline(["recipes"]);
  assert.equal(code, 0);
  const lines = stdout.trim().split("\n");
  const names = [...Deno.readDirSync(join(projectRoot, "pipeline/recipes"))].map(({ name }) =>
    name
  );
  assert.deepEqual(lines.map((line) => `${line.split(" ")[0]}.yaml`).sort(), names.sort());
  assert.match(stdout, /^sample +Invented languages, /m);
  assert.match(lines.at(-1)!, /^base .*not run by itself$/);
  assert.ok(lines.every((line) => /^\S+ {2,}\S/.test(line)), "each has a description");
});

Deno.test("run --dry-run: a forecast from earlier runs", async () => {
  await inTemporaryFolder(async (store) => {
    const slow = ["--set", "delayMs=20"];
    const forecastOf = async (...args: string[]) => {
      const { stdout } = await toy(store, "run", "--dry-run", "--json", "--jobs", "1", ...args);
      return JSON.parse(stdout);
    };
    const before = await forecastOf();
    assert.equal(before.forecast.unknown, 3, "words and the table say nothing of themselves");
    await toy(store, "run", ...slow);
    const { forecast, instances } = await forecastOf("--set", "steps=32");
    assert.equal(forecast.instances, 5);
    assert.equal(forecast.unknown, 0);
    assert.equal(forecast.flops, 4 * 32_000);
    const [walk] = instances.filter(({ instance }: { instance: string }) =>
      instance === "walk/a/left"
    );
    assert.equal(walk.forecast.basis, "instance");
    const done = JSON.parse((await toy(store, "why", "walk/a/left", "--json")).stdout);
    const { provenance } = done.instances[0];
    assert.equal(walk.forecast.durationMs, provenance.durationMs * 4); // 32 steps for 8
    assert.equal(walk.forecast.peakMemoryBytes, provenance.peakMemoryBytes);
    // One at once: the sum of all.
    const total = instances.reduce(
      (sum: number, it: { forecast?: { durationMs: number } }) =>
        sum + (it.forecast?.durationMs ?? 0),
      0,
    );
    assert.equal(forecast.durationMs, Math.round(total));
    const added = await forecastOf("--set", "sources=[a, b, c]");
    const [other] = added.instances.filter(({ instance }: { instance: string }) =>
      instance === "walk/c/left"
    );
    assert.equal(other.forecast.basis, "stage");
  });
});
