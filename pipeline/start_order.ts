/**
 * Which of what is ready starts first.
 */
import type { Instances } from "./instances.ts";
import type { InstanceId } from "./stage.ts";

/**
 * The weight of the heaviest chain that begins with each instance: its own and that of what needs it, to the end of the plan. What
 * begins the heaviest chain starts first (list scheduling by the critical path), so that no long chain is left for the end, where
 * it would run alone.
 *
 * @param ids What is to be made, each after those that it needs
 */
export function chainWeights(
  ids: readonly InstanceId[],
  instances: Instances,
): ReadonlyMap<InstanceId, number> {
  const after = new Map<InstanceId, number>();
  const weights = new Map<InstanceId, number>();
  for (const id of ids.toReversed()) {
    const { needs, declaration } = instances.get(id)!;
    const weight = declaration.weight + (after.get(id) ?? 0);
    weights.set(id, weight);
    for (const needed of needs) after.set(needed, Math.max(after.get(needed) ?? 0, weight));
  }
  return weights;
}
