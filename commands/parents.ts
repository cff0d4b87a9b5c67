/**
 * The inputs of a result: which instances made them, and under which keys.
 */
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import type { Manifest } from "../pipeline/manifest.ts";

interface Parent {
  readonly name: string;
  readonly digest: string;
  /** The instance and the output, as the manifest of the result says. */
  readonly from?: string;
  /** The key of the action that made it, if the plan has that action. */
  readonly key?: string;
}

/** How long what made an input took; undefined where the store does not have it. @param from the instance and its output */
export function durationMsOf(
  from: string | undefined,
  states: ReadonlyMap<InstanceId, InstanceState>,
): number | undefined {
  const maker = makerOf(from, states);
  return maker?.status === "fresh" ? maker.manifest.provenance.durationMs : undefined;
}

function makerOf(from: string | undefined, states: ReadonlyMap<InstanceId, InstanceState>) {
  return from === undefined ? undefined : states.get(from.slice(0, from.lastIndexOf("#")));
}

/** The inputs of a result, in the order of its record. */
export function parentsOf(
  { record, parents }: Manifest,
  states: ReadonlyMap<InstanceId, InstanceState>,
): Parent[] {
  return Object.entries(record.inputs).map(([name, digest]) => {
    const from = parents?.[name];
    const maker = makerOf(from, states);
    return {
      name,
      digest,
      ...(from !== undefined ? { from } : {}),
      ...(maker?.status === "fresh" ? { key: maker.key } : {}),
    };
  });
}
