/**
 * Random graphs and edits: what runs is exactly what a from-scratch oracle says, and the order of completion changes nothing.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { bringUpToDate, plannerOf } from "../../bench/runner_project/in_process.ts";
import { type DagNode, type DagRecipe, node, valueOf } from "../support/dag_stage/node.ts";
import { rule as double } from "../support/dag_stage/rules/double.ts";
import { rule as same } from "../support/dag_stage/rules/same.ts";
import { inTemporaryFolder, namesIn, objectsIn } from "../support/toy_cli.ts";

const seed = 20410;
const rules = { double, same } as const;

/** Members of a node without what it needs. */
const ownPart = {
  number: fc.integer({ min: 0, max: 6 }),
  grain: fc.constantFrom(1, 4),
  rule: fc.constantFrom("double", "same"),
} as const;

const graph: fc.Arbitrary<DagNode[]> = fc.integer({ min: 1, max: 9 }).chain((size) =>
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
          const ran = (await bringUpToDate(planner)).sort(byNumber);
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

Deno.test(`Planner: any order of completion gives the same manifests and objects (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(graph, fc.array(fc.nat(), { minLength: 9 }), async (nodes, choices) => {
      await inTemporaryFolder(async (folder) => {
        const [plain, shuffled] = ["plain", "shuffled"].map((name) => join(folder, name));
        await bringUpToDate(await plannerOf([node], recipeOf(nodes), plain));
        let at = 0;
        await bringUpToDate(
          await plannerOf([node], recipeOf(nodes), shuffled),
          (ready) => ready[choices[at++ % choices.length] % ready.length],
        );
        assert.deepEqual(namesIn(join(shuffled, "manifests")), namesIn(join(plain, "manifests")));
        assert.deepEqual(objectsIn(shuffled), objectsIn(plain));
      });
    }),
    { seed, numRuns: 10 },
  );
});

function byNumber(a: string, b: string): number {
  return Number(a.split("/")[1]) - Number(b.split("/")[1]);
}
