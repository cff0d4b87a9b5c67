/**
 * Random graphs and edits: what runs is exactly what a from-scratch oracle says, and the order of completion changes nothing.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { finalBytes } from "../instruments/crash.ts";
import {
  bringUpToDate,
  inChildren,
  inProcess,
  plannerOf,
  programs,
  type RunOptions,
} from "../support/in_process.ts";
import type { Planner } from "../../pipeline/plan.ts";
import type { InstanceId } from "../../pipeline/stage.ts";
import { type DagNode, type DagRecipe, node, valueOf } from "../support/dag_stage/node.ts";
import { rule as double } from "../support/dag_stage/rules/double.ts";
import { rule as same } from "../support/dag_stage/rules/same.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

const seed = 20410;
const rules = { double, same } as const;

/** Members of a node without what it needs. */
const ownPart = {
  number: fc.integer({ min: 0, max: 6 }),
  grain: fc.constantFrom(1, 4),
  rule: fc.constantFrom("double", "same"),
} as const;

const graph = graphOf(1, 9);

function graphOf(min: number, max: number): fc.Arbitrary<DagNode[]> {
  return fc.integer({ min, max }).chain((size) =>
    fc.tuple(
      ...Array.from({ length: size }, (_, i) =>
        fc.record({
          needs: i === 0
            ? fc.constant([])
            : fc.uniqueArray(fc.integer({ min: 0, max: i - 1 }), { maxLength: 3 }),
          ...ownPart,
        })),
    )
  );
}

/** Changes one node: its own part, or an edge. */
interface Edit {
  readonly at: number;
  readonly change: Partial<DagNode> | { readonly toggle: number };
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  change: fc.oneof(
    fc.record({ number: ownPart.number }),
    fc.record({ grain: ownPart.grain }),
    fc.record({ rule: ownPart.rule }),
    fc.record({ toggle: fc.nat() }),
  ),
});

function applied(nodes: readonly DagNode[], { at, change }: Edit): DagNode[] {
  const target = at % nodes.length;
  return nodes.map((it, i) => {
    if (i !== target) return it;
    if (!("toggle" in change)) return { ...it, ...change };
    if (i === 0) return it;
    const other = change.toggle % i;
    const without = it.needs.filter((needed) => needed !== other);
    return { ...it, needs: without.length < it.needs.length ? without : [...without, other] };
  });
}

/** Knows nothing of keys and stores: an action is new when its code, number, grain and the values it is given are. */
class Oracle {
  readonly #done = new Set<string>();

  rerun(nodes: readonly DagNode[]): string[] {
    const values: number[] = [];
    const reruns: string[] = [];
    nodes.forEach((it, i) => {
      const needs = [...it.needs].sort((a, b) => a - b);
      const inputs = needs.map((needed) => values[needed]);
      const action = JSON.stringify([i, it.number, it.grain, it.rule, needs, inputs]);
      if (!this.#done.has(action)) reruns.push(`node/${i}`);
      this.#done.add(action);
      values.push(valueOf(it, inputs, rules[it.rule]));
    });
    return reruns;
  }
}

function recipeOf(nodes: readonly DagNode[]): DagRecipe {
  return { name: "dag", seed: 1, nodes };
}

Deno.test(`Planner: any edits lead to exactly the reruns that an oracle says (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(graph, fc.array(edit, { maxLength: 5 }), async (first, edits) => {
      await inTemporaryFolder(async (folder) => {
        const oracle = new Oracle();
        let nodes = first;
        for (const edit of [undefined, ...edits]) {
          if (edit !== undefined) nodes = applied(nodes, edit);
          const planner = await plannerOf([node], recipeOf(nodes), join(folder, "store"));
          const planned = planner.states([...planner.instances.keys()]);
          const ran = [...(await bringUpToDate(planner)).ran].sort(byNumber);
          assert.deepEqual(ran, oracle.rerun(nodes));
          // Before anything runs, the plan is fresh only where nothing will run.
          for (const [id, { status }] of planned) {
            if (status === "fresh") assert.ok(!ran.includes(id), `${id} was said to be fresh`);
            if (status === "run") assert.ok(ran.includes(id), `${id} was said to run`);
          }
        }
      });
    }),
    { seed, numRuns: 25 },
  );
});

/** All that manifests say, but for what the clock and the machine's load decide, and the digest, which is of that too. */
function manifestsIn(planner: Planner): unknown[] {
  return [...planner.store.manifests()].map(({ provenance, digest: ____, ...manifest }) => {
    const { madeAt: _, durationMs: __, peakMemoryBytes: ___, ...rest } = provenance;
    return { ...manifest, provenance: rest };
  }).sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Runs a graph in a store of its own: what it made, and in what order instances ended. */
async function runGraph(folder: string, nodes: readonly DagNode[], options: RunOptions) {
  const ended: InstanceId[] = [];
  const planner = await plannerOf([node], recipeOf(nodes), folder);
  const result = await bringUpToDate(planner, {
    ...options,
    emit(event) {
      if (event.type === "done" || event.type === "cached") ended.push(event.instance);
      if (event.type === "failed") throw new Error(`${event.instance}: ${event.message}`);
    },
  });
  assert.equal(result.ran.length + result.cached.length, nodes.length);
  return { made: { manifests: manifestsIn(planner), objects: finalBytes(folder) }, ended };
}

/** Lets instances end in an order of choice: of those that are at work, one every few milliseconds. */
function inOrderOf(choices: readonly number[]): NonNullable<RunOptions["startChild"]> {
  const waiting: (() => void)[] = [];
  let at = 0;
  return inProcess(() =>
    new Promise((resolve) => {
      waiting.push(resolve);
      setTimeout(() => {
        const [chosen] = waiting.splice(choices[at++ % choices.length] % waiting.length, 1);
        chosen();
      }, 3);
    })
  );
}

Deno.test(`Scheduler: any order of completion gives the same manifests and objects (seed ${seed})`, async () => {
  const choice = fc.array(fc.nat(), { minLength: 9 });
  const numbers = fc.integer({ min: 2, max: 9 });
  let others = 0;
  await fc.assert(
    fc.asyncProperty(graph, choice, numbers, async (nodes, choices, jobs) => {
      await inTemporaryFolder(async (folder) => {
        const plain = await runGraph(join(folder, "plain"), nodes, { jobs: 1 });
        const startChild = inOrderOf(choices);
        const other = await runGraph(join(folder, "other"), nodes, { jobs, startChild });
        assert.deepEqual(other.made, plain.made);
        if (other.ended.join() !== plain.ended.join()) others++;
      });
    }),
    { seed, numRuns: 25 },
  );
  assert.ok(others >= 10, `${others} of 25 runs had an order of their own`);
});

Deno.test(`Scheduler: processes that end in any order give the same manifests and objects (seed ${seed})`, async () => {
  const slow = graphOf(6, 8).chain((nodes) =>
    fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 8, maxLength: 8 })
      .map((delays) => nodes.map((node, i): DagNode => ({ ...node, delayMs: delays[i] })))
  );
  await fc.assert(
    fc.asyncProperty(slow, fc.integer({ min: 2, max: 6 }), async (nodes, jobs) => {
      await inTemporaryFolder(async (folder) => {
        const plain = await runGraph(join(folder, "plain"), nodes, { jobs: 1 });
        const other = await runGraph(join(folder, "other"), nodes, {
          jobs,
          startChild: inChildren,
        });
        assert.deepEqual(other.made, plain.made);
      });
    }),
    { seed, numRuns: 3, endOnFailure: true },
  );
  await programs.close();
});

function byNumber(a: string, b: string): number {
  return Number(a.split("/")[1]) - Number(b.split("/")[1]);
}
