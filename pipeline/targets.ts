/**
 * Which instances of a plan a user names.
 */
import { didYouMean, UsageError } from "../base/mod.ts";
import type { Instances } from "./instances.ts";
import { matchesPattern } from "./pattern.ts";
import type { InstanceId, Stage } from "./stage.ts";

/**
 * The instances that targets name: `all`, a stage, an instance or the beginning of one, or any of these with `*` for any
 * run of characters. `@axis=value` after it, or alone, keeps the instances with this value on an axis of a study. In the order of the plan.
 *
 * @throws UsageError for a target that names nothing, with the reason when the stage knows one.
 */
export function selectTargets(
  targets: readonly string[],
  instances: Instances,
  stages: readonly Stage[],
  recipe: unknown,
): InstanceId[] {
  const chosen = new Set<InstanceId>();
  for (const target of targets) {
    const found = [...instances.keys()].filter((id) => isNamed(id, target));
    if (found.length === 0) throw new UsageError(whyNothing(target, instances, stages, recipe));
    for (const id of found) chosen.add(id);
  }
  return [...instances.keys()].filter((id) => chosen.has(id));
}

/** Whether a target, as `selectTargets` takes them, names an instance. */
export function isNamed(id: InstanceId, target: string): boolean {
  if (target === "all" || target === id) return true;
  const [name, ...axes] = target.split("@");
  const [base, ...own] = id.split("@");
  if (!axes.every((axis) => own.some((it) => matchesPattern(it, axis)))) return false;
  if (name === "" || name === "all") return axes.length > 0;
  if (name.includes("*")) return matchesPattern(base, name) || matchesPattern(id, target);
  return base === name || base.startsWith(`${name}/`);
}

function whyNothing(
  target: string,
  instances: Instances,
  stages: readonly Stage[],
  recipe: unknown,
): string {
  const [base, ...axes] = target.split("@");
  const [name, ...parts] = base.split("/");
  const stage = stages.find((stage) => stage.name === name);
  const start = `Cannot plan "${target}"`;
  const stageNames = [...new Set(["all", ...stages.map((stage) => stage.name)])];
  if (target.includes("*")) {
    const hint = stage === undefined ? didYouMean(name, stageNames) : "";
    return `${start}: it matches none of the ${instances.size} instances${hint}`;
  }
  if (axes.length > 0 && (name === "" || stage !== undefined)) {
    const known = [...new Set([...instances.keys()].flatMap((id) => id.split("@").slice(1)))];
    const wrong = axes.find((axis) => !known.includes(axis));
    if (wrong !== undefined) {
      const expected = known.length === 0
        ? "this recipe has no study"
        : `expected one of ${known.sort().map((axis) => `@${axis}`).join(", ")}`;
      return `${start}: ${expected}, found @${wrong}`;
    }
  }
  if (stage === undefined) {
    return `${start}: expected a stage (${stageNames.join(", ")}) or an instance` +
      didYouMean(target, [...stageNames, ...instances.keys()]);
  }
  const own = [...instances.keys()].filter((id) => /^[^/@]*/.exec(id)![0] === name);
  const reason = parts.length > 0 ? stage.impossible?.(recipe, parts) : undefined;
  if (reason !== undefined) return `${start}: ${reason}`;
  if (own.length === 0) return `${start}: this recipe has no instance of stage "${name}"`;
  const some = own.slice(0, 6).join(", ") + (own.length > 6 ? ", …" : "");
  return `${start}: this recipe has ${some}${didYouMean(target, own)}`;
}

/** The named instances and all they need, directly or not, in the order of the plan. */
export function withNeeds(ids: Iterable<InstanceId>, instances: Instances): InstanceId[] {
  const wanted = new Set<InstanceId>();
  const visit = (id: InstanceId) => {
    if (wanted.has(id)) return;
    wanted.add(id);
    instances.get(id)!.needs.forEach(visit);
  };
  for (const id of ids) visit(id);
  return [...instances.keys()].filter((id) => wanted.has(id));
}
