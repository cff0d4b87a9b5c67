/**
 * `run --json`: every event is of the shipped schema, read by a validator that knows nothing of our types. With
 * DEPT_UPDATE_GOLDEN=1 the schema is written again.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { eventFormat, type RunEvent, runEvent } from "../../pipeline/events.ts";
import { projectRoot } from "../support/paths.ts";
import { eventsFrom } from "../support/run_events.ts";
import { eventsOf, inTemporaryFolder, toy, toyCommand } from "../support/toy_cli.ts";

const command = "DEPT_UPDATE_GOLDEN=1 deno test -A --no-check tests/pipeline/events_test.ts";
const file = join(projectRoot, "pipeline/events.schema.json");
if (Deno.env.get("DEPT_UPDATE_GOLDEN") === "1") Deno.writeTextFileSync(file, `${made()}\n`);
const text = Deno.readTextFileSync(file);
const schema = JSON.parse(text) as { oneOf: { title: string }[] };
const validator = z.fromJSONSchema(JSON.parse(text));

function assertValid(events: readonly RunEvent[]): void {
  for (const event of events) {
    const result = validator.safeParse(event);
    assert.ok(result.success, `${JSON.stringify(event)}: ${result.error?.message}`);
  }
}

Deno.test("run --json: all types of events occur and are of the schema", async () => {
  await inTemporaryFolder(async (store) => {
    const events: RunEvent[] = [];
    const add = async (...args: string[]) => {
      const result = await toy(store, "run", "--json", ...args);
      events.push(...eventsOf(result));
      return result;
    };
    await add();
    await add();
    // The same bytes from another action: what follows is cached.
    await add("--set", "fault={source: b, kind: data}", "--set", "steps=4", "--jobs", "1");
    const data = `${store}-data`;
    Deno.mkdirSync(data);
    for (const source of ["a", "b"]) Deno.writeTextFileSync(`${data}/${source}.txt`, "x y");
    await add("--set", `data=${data}`);
    Deno.writeTextFileSync(`${data}/a.txt`, "y x");
    await add("--set", `data=${data}`);
    Deno.removeSync(data, { recursive: true });
    events.push(...await stopped(store));
    assertValid(events);
    const types = new Set(events.map(({ type }) => type));
    assert.deepEqual([...types].sort(), schema.oneOf.map(({ title }) => title).sort());
    const done = events.find((event) => event.type === "done" && event.instance === "walk/a/left");
    assert.ok(done?.type === "done");
    assert.equal(done.flops, 8000); // 8 steps, 1,000 each by the stage's own word
    assert.ok(done.peakMemoryBytes! > 20e6, "a Deno process holds more than 20 MB");
    assert.ok(done.bytes! > 0);
    const stop = events.find((event) => event.type === "stopped");
    assert.ok(stop?.type === "stopped" && stop.stoppingMs! > 0);
    const plans = events.filter((event) => event.type === "plan");
    assert.ok(plans.every(({ format }) => format === eventFormat));
  });
});

Deno.test("run --json: cells of a study are instances like any other", async () => {
  await inTemporaryFolder(async (store) => {
    const study = "{axes: {length: {key: steps, values: [2, 3]}}}";
    const events = eventsOf(await toy(store, "run", "walk/a", "--json", "--set", `study=${study}`));
    assertValid(events);
    const done = events.filter((event) => event.type === "done").map(({ instance }) => instance);
    assert.deepEqual(done.sort(), [
      "walk/a/left@length=2",
      "walk/a/left@length=3",
      "walk/a/right@length=2",
      "walk/a/right@length=3",
      "words/a",
    ]);
  });
});

/** The events of a run that gets a SIGTERM when the first progress is told. */
async function stopped(store: string): Promise<RunEvent[]> {
  const slow = ["--set", "steps=400", "--set", "delayMs=20", "--set", "seed=5"];
  const process = toyCommand(store, ["run", "walk/a/left", "--json", ...slow]).spawn();
  const events: RunEvent[] = [];
  for await (const event of eventsFrom(process)) {
    events.push(event);
    if (event.type === "checkpoint" && !events.some(({ type }) => type === "stopping")) {
      process.kill("SIGTERM");
    }
  }
  await process.stderr.cancel();
  assert.equal((await process.status).code, 143);
  return events;
}

Deno.test("events.schema.json refuses what is no event", () => {
  const others = [
    {},
    { type: "gone" },
    { type: "cached", instance: "a", key: "short" },
    { type: "cached", instance: "a" },
    { type: "stopping", signal: "SIGTERM", running: "a" },
    { type: "started", instance: "a", key: "0".repeat(64), reason: "new", isResumed: 1, pid: 2 },
  ];
  for (const other of others) assert.ok(!validator.safeParse(other).success, JSON.stringify(other));
});

Deno.test(`events.schema.json is what the schemas of events make; else run ${command}`, () => {
  assert.equal(text, `${made()}\n`, `Run ${command}`);
});

/** The JSON Schema of events as text. */
function made(): string {
  const { $schema, ...schema } = runEvent.toJSONSchema({ unrepresentable: "any" });
  const description =
    "One object a line of `deno task pipeline run --json`, format ${eventFormat}. " +
    "Within a format members may be added; readers should ignore those that they do not know.";
  return compact({ $schema, title: "Events of a run", description, ...schema }, "");
}

/** JSON with what fits on a line on one line. */
function compact(value: unknown, indent: string): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const space = Array.isArray(value) ? "" : " ";
  const members = (inner: string) =>
    Array.isArray(value)
      ? value.map((item) => compact(item, inner))
      : Object.entries(value).map(([key, item]) =>
        `${JSON.stringify(key)}: ${compact(item, inner)}`
      );
  const line = members("").join(", ");
  if (line === "") return open + close;
  if (!line.includes("\n") && line.length + indent.length < 80) {
    return open + space + line + space + close;
  }
  const inner = `${indent}  `;
  return `${open}\n${inner}${members(inner).join(`,\n${inner}`)}\n${indent}${close}`;
}
