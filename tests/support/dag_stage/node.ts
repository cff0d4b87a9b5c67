/**
 * A stage for graphs of any shape: an instance's value is a sum of its own number and those of what it needs, coarsened, so
 * that a rerun often gives the bytes that were there.
 *
 * in   <node>  values
 * out  value   `value.txt`
 */
import type { Stage, StageContext } from "../../../pipeline/stage.ts";

export interface DagNode {
  /** Indices of earlier nodes. */
  readonly needs: readonly number[];
  readonly number: number;
  /** Values are multiples of this. */
  readonly grain: number;
  readonly rule: "double" | "same";
  /** How long it works. */
  readonly delayMs?: number;
}

export interface DagRecipe {
  readonly name: string;
  readonly seed: number;
  readonly nodes: readonly DagNode[];
}

interface NodeParams {
  readonly name: string;
  readonly number: number;
  readonly grain: number;
}

/** What `run` computes, for an oracle. */
export function valueOf(
  { number, grain }: Pick<DagNode, "number" | "grain">,
  inputs: readonly number[],
  rule: (value: number) => number,
): number {
  const sum = inputs.reduce((total, value) => total + value, number);
  return Math.floor(rule(sum) / grain) * grain;
}

interface NodeHints {
  readonly delayMs: number;
}

interface NodeModules {
  readonly rule: { rule(value: number): number };
}

export const node: Stage<DagRecipe, NodeParams, NodeHints, NodeModules> = {
  name: "node",
  description: "Adds the values of what it needs",
  module: import.meta.url,
  instances: ({ nodes }) => nodes.map((_, i) => [String(i)]),
  declare({ nodes }, [name]) {
    const { needs, number, grain, rule, delayMs = 0 } = nodes[Number(name)];
    return {
      inputs: Object.fromEntries(
        needs.map((needed) => [`n${needed}`, `node/${needed}#value` as const]),
      ),
      outputs: ["value"],
      params: { name, number, grain },
      hints: { delayMs },
      uses: { rule: import.meta.resolve(`./rules/${rule}.ts`) },
    };
  },
};

export async function run(
  { params, hints: { delayMs }, inputs, outputs, modules: { rule: { rule } } }: StageContext<
    NodeParams,
    NodeHints,
    NodeModules
  >,
): Promise<void> {
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  const values = Object.values(inputs)
    .map((folder) => Number(Deno.readTextFileSync(`${folder}/value.txt`)));
  Deno.writeTextFileSync(`${outputs.value}/value.txt`, String(valueOf(params, values, rule)));
}
