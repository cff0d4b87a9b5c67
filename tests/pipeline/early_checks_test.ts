import assert from "node:assert/strict";
import { join } from "node:path";
import { UsageError } from "../../base/mod.ts";
import { EarlyChecks, type KnownResults } from "../../pipeline/early_checks.ts";
import { expand, withoutStudy } from "../../pipeline/instances.ts";
import type { Stage } from "../../pipeline/stage.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { type DagRecipe, node } from "../support/dag_stage/node.ts";
import { bringUpToDate, plannerOf } from "../support/in_process.ts";

const numbered = { number: 1, grain: 1, rule: "same" } as const;
const recipe: DagRecipe = {
  name: "checks",
  seed: 1,
  nodes: [{ needs: [], ...numbered }, { needs: [0], ...numbered }, { needs: [], ...numbered }],
};

/** A costly stage: `late/a` needs node 0, `late/b` node 1 and `late/a`. Node 2 is needed by none. */
function late(check: NonNullable<Stage["check"]>): Stage<DagRecipe> {
  const inputs = { a: { n0: "node/0#value" }, b: { n1: "node/1#value", a: "late/a#value" } };
  return {
    ...node,
    name: "late",
    instances: () => [["b"], ["a"]],
    declare: (recipe, [part]) => ({
      ...node.declare(recipe, ["0"]),
      inputs: inputs[part as "a" | "b"] as Record<string, `${string}#${string}`>,
      weight: 100, // else the costliest of what is ready starts first
    }),
    check,
  };
}

Deno.test("what has a check starts after all that comes before every such instance, each checked once", async () => {
  using folder = temporaryFolder();
  const checked: string[][] = [];
  const planner = await plannerOf(
    [node, late((_, inputs) => void checked.push(Object.keys(inputs)))],
    recipe,
    join(folder.path, "store"),
  );
  const started: string[] = [];
  const result = await bringUpToDate(planner, {
    emit: (event) => event.type === "started" && started.push(event.instance),
  });
  assert.deepEqual(result.left, []);
  assert.ok(started.indexOf("late/a") > started.indexOf("node/1"), `${started}`);
  assert.deepEqual(checked.sort(), [["n0"], ["n1"]]); // not late/a, which is not made by then
});

Deno.test("what is refused by a check does not start, nor what else has one", async () => {
  using folder = temporaryFolder();
  const planner = await plannerOf(
    [
      node,
      late((_, { n1 }) => {
        if (n1 !== undefined) throw new UsageError("n1 is too short");
      }),
    ],
    recipe,
    join(folder.path, "store"),
  );
  const result = await bringUpToDate(planner);
  assert.deepEqual(result.failed, []);
  assert.ok(result.left.includes("late/a") && result.left.includes("late/b"), `${result.left}`);
});

/** Checks over the graph above, whose stages refuse as they are told. */
function checksOf(refuse: (inputs: string[]) => string | undefined) {
  const calls: string[][] = [];
  const check: Stage["check"] = (_, inputs) => {
    calls.push(Object.keys(inputs));
    const why = refuse(Object.keys(inputs));
    if (why !== undefined) throw new UsageError(why);
  };
  const instances = expand([node, late(check)], withoutStudy(recipe));
  return { calls, checks: new EarlyChecks(instances, [...instances.keys()]) };
}

const known = (made: string[], failed: string[] = [], damaged: string[] = []): KnownResults => ({
  isMade: (id) => made.includes(id),
  hasFailed: (id) => failed.includes(id),
  folderOf: (id) => Promise.resolve(damaged.includes(id) ? undefined : `/${id}`),
});

Deno.test("EarlyChecks waits for what can still be made, and says each reason once", async () => {
  const { checks, calls } = checksOf(() => "too short");
  await checks.makeWhenDue(known(["node/0"]));
  assert.equal(calls.length, 0);
  assert.ok(checks.holds("late/a") && !checks.holds("node/1"));
  await checks.makeWhenDue(known(["node/0", "node/1"]));
  assert.equal(calls.length, 2);
  assert.equal(checks.refusal?.message, "too short");
  assert.ok(checks.holds("late/a"));
});

Deno.test("EarlyChecks does not wait for what needs something that failed", async () => {
  const { checks, calls } = checksOf(() => undefined);
  await checks.makeWhenDue(known([], ["node/0"])); // node 1 needs it
  assert.deepEqual(calls, [[], []]);
  assert.ok(!checks.holds("late/a"));
  assert.equal(checks.refusal, undefined);
});

Deno.test("EarlyChecks leaves damaged inputs to the start of the instance, which has them made again", async () => {
  const { checks, calls } = checksOf((inputs) => inputs.join());
  await checks.makeWhenDue(known(["node/0", "node/1"], [], ["node/0"]));
  assert.deepEqual(calls, [["n1"]]);
});
