/**
 * What a result was made from: its inputs, who made them and under which keys.
 */
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import type { Manifest } from "../pipeline/store.ts";

interface Parent {
  readonly name: string;
  readonly digest: string;
  /** Instance and output, as the result's own record has it. */
  readonly from?: string;
  /** Of the action that made it, where the plan has it. */
  readonly key?: string;
}

/** What a result was made from, in the order of its record. */
export function parentsOf(
  { record, parents }: Manifest,
  states: ReadonlyMap<InstanceId, InstanceState>,
): Parent[] {
  return Object.entries(record.inputs).map(([name, digest]) => {
    const from = parents?.[name];
    const maker = from === undefined ? undefined : states.get(from.slice(0, from.lastIndexOf("#")));
    return {
      name,
      digest,
      ...(from !== undefined ? { from } : {}),
      ...(maker?.status === "fresh" ? { key: maker.key } : {}),
    };
  });
}
