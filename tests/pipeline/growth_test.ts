/** What grows with the number of instances grows no faster: operations are counted, not seconds. */
import assert from "node:assert/strict";
import { EarlyChecks } from "../../pipeline/early_checks.ts";
import { expand, type Instances, withoutStudy } from "../../pipeline/instances.ts";
import type { InstanceId, Stage } from "../../pipeline/stage.ts";
import { StartQueue } from "../../pipeline/start_order.ts";
import { WaitingList } from "../../pipeline/waiting_list.ts";
import { type DagRecipe, node } from "../support/dag_stage/node.ts";
import { bringUpToDate, plannerOf } from "../support/in_process.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

/** Instances by name, each with its weight and what it needs. */
function instancesOf(
  needs: Readonly<Record<string, readonly string[]>>,
  weights: Readonly<Record<string, number>> = {},
): Instances {
  const stage: Stage = {
    name: "s",
    description: "",
    module: import.meta.url,
    instances: () => Object.keys(needs).map((name) => [name]),
    declare: (_recipe, [name]) => ({
      inputs: Object.fromEntries(needs[name].map((it) => [it, `s/${it}#out` as const])),
      outputs: ["out"],
      params: {},
      weight: weights[name] ?? 1,
    }),
  };
  return expand([stage], withoutStudy({ name: "r", seed: 1 }));
}

Deno.test("StartQueue gives the heaviest chain first, of equal ones the first in the plan, and asks no further", () => {
  // Chains: a 1 + 5, b 1, c 3, e 5, d 1.
  const instances = instancesOf({ a: [], b: [], c: [], e: ["a"], d: [] }, { c: 3, e: 5 });
  const queue = new StartQueue([...instances.keys()], instances);
  for (const name of ["d", "c", "b", "a", "a"]) queue.add(`s/${name}`);
  assert.equal(queue.size, 4);
  const asked: InstanceId[] = [];
  const first = (refused: readonly string[] = []) =>
    queue.first((id) => {
      asked.push(id);
      return !refused.includes(id);
    });
  assert.equal(first(), "s/a");
  assert.deepEqual(asked, ["s/a"]);
  assert.equal(first(["s/a", "s/c"]), "s/b");
  for (const name of ["a", "c"]) queue.delete(`s/${name}`);
  queue.delete("s/e"); // which was not there
  assert.equal(first(), "s/b");
  queue.delete("s/b");
  assert.equal(first(), "s/d");
  assert.equal(first(["s/d"]), undefined);
  queue.add("t/elsewhere"); // not to be made
  assert.equal(queue.size, 1);
});

Deno.test("WaitingList: an instance is due again when what it waits for is made, in the order of the plan", () => {
  const list = new WaitingList(["a", "b", "c"]);
  assert.deepEqual(list.take(), ["a", "b", "c"]);
  assert.deepEqual(list.take(), []);
  list.wait("c", "a");
  list.wait("b", "a");
  list.made("b");
  assert.deepEqual(list.take(), []);
  list.made("a");
  assert.deepEqual(list.take(), ["b", "c"]);
  list.made("a");
  list.look("elsewhere");
  assert.deepEqual(list.take(), []);
});

/** How often a run asks for an instance: `count` that need one, and one that needs them all. */
async function asksOfRun(count: number): Promise<number> {
  let asks = 0;
  await inTemporaryFolder(async (store) => {
    const all = Array.from({ length: count }, (_, i) => i + 1);
    const nodes = [
      { needs: [] },
      ...all.map(() => ({ needs: [0] })),
      { needs: all },
    ].map((it, number) => ({ ...it, number, grain: 1, rule: "same" }) as const);
    const recipe: DagRecipe = { name: "dag", seed: 1, nodes };
    const planner = await plannerOf([node], recipe, store);
    const { instances } = planner;
    const get = instances.get.bind(instances);
    Object.assign(instances, {
      get(id: InstanceId) {
        asks++;
        return get(id);
      },
    });
    const { ran } = await bringUpToDate(planner);
    assert.equal(ran.length, count + 2);
  });
  return asks;
}

Deno.test("Scheduler looks at twice as many instances twice as often", async () => {
  const [few, many] = [await asksOfRun(8), await asksOfRun(16)];
  assert.ok(many <= 2 * few, `${few} looks for 8 instances, ${many} for 16`);
});

Deno.test("EarlyChecks ask of each instance a few times whether it is made, however many there are", async () => {
  const asksFor = async (count: number) => {
    const names = Array.from({ length: count }, (_, i) => `n${i}`);
    const plain = instancesOf({ ...Object.fromEntries(names.map((name) => [name, []])), z: names });
    const checked: string[] = [];
    const instances = new Map([...plain].map(([id, it]) => {
      const check = () => void checked.push(id);
      return [id, id === "s/z" ? { ...it, stage: { ...it.stage, check } } : it];
    }));
    const checks = new EarlyChecks(instances, [...instances.keys()]);
    const made = new Set<InstanceId>();
    let asks = 0;
    for (const name of ["", ...names]) {
      if (name !== "") made.add(`s/${name}`);
      assert.deepEqual(checked, []);
      await checks.makeWhenDue({
        isMade(id) {
          asks++;
          return made.has(id);
        },
        hasFailed: () => false,
        folderOf: () => Promise.resolve("folder"),
      });
    }
    assert.deepEqual(checked, ["s/z"]);
    return asks;
  };
  const [few, many] = [await asksFor(20), await asksFor(40)];
  assert.ok(many <= 2 * few, `${few} asks for 20 instances, ${many} for 40`);
});
