/**
 * From stages and a recipe to the instances of a plan: what there is, what needs what, and which of it was asked for.
 */
import { didYouMean, UsageError } from "./base/mod.ts";
import type { InstanceId, Stage } from "./stage.ts";

/** One step of the plan, as its stage declares it for the recipe. */
export interface Instance {
  readonly id: InstanceId;
  readonly stage: Stage;
  readonly parts: readonly string[];
  /** By input name: which output of which instance. */
  readonly inputs: ReadonlyMap<string, { readonly from: InstanceId; readonly output: string }>;
  /** Distinct instances that inputs come from, sorted. */
  readonly needs: readonly InstanceId[];
  /** Names of the seeds that it may ask for, sorted. */
  readonly seeds: readonly string[];
}

/** All instances by id, each after those that it needs, else in the order of stages and their instances. */
export type Instances = ReadonlyMap<InstanceId, Instance>;

/** @throws Error when a declaration is wrong: an input of nobody's making, two instances of one name, a cycle. */
export function expand(stages: readonly Stage[], recipe: unknown): Instances {
  const declared = new Map<InstanceId, Instance>();
  for (const stage of stages) {
    for (const parts of stage.instances(recipe)) {
      const instance = declare(stage, parts, recipe);
      if (declared.has(instance.id)) throw new Error(`Two instances are called "${instance.id}"`);
      declared.set(instance.id, instance);
    }
  }
  const ordered = new Map<InstanceId, Instance>();
  const visiting = new Set<InstanceId>();
  const visit = (instance: Instance) => {
    if (ordered.has(instance.id)) return;
    if (visiting.has(instance.id)) throw new Error(`"${instance.id}" needs itself`);
    visiting.add(instance.id);
    for (const [name, { from, output }] of instance.inputs) {
      const maker = declared.get(from);
      if (maker === undefined || !maker.stage.outputs.includes(output)) {
        throw new Error(
          `Cannot connect input "${name}" of ${instance.id}: no instance makes "${from}#${output}"`,
        );
      }
      visit(maker);
    }
    ordered.set(instance.id, instance);
  };
  for (const instance of declared.values()) visit(instance);
  return ordered;
}

function declare(stage: Stage, parts: readonly string[], recipe: unknown): Instance {
  const inputs = Object.entries(stage.inputs(recipe, parts)).map(([name, ref]) => {
    const at = ref.lastIndexOf("#");
    return [name, { from: ref.slice(0, at), output: ref.slice(at + 1) }] as const;
  });
  const { seeds = [] } = stage;
  return {
    id: [stage.name, ...parts].join("/"),
    stage,
    parts,
    inputs: new Map(inputs),
    needs: [...new Set(inputs.map(([, { from }]) => from))].sort(),
    seeds: [...(typeof seeds === "function" ? seeds(recipe, parts) : seeds)].sort(),
  };
}

/**
 * The instances that targets name: `all`, a stage, an instance or the beginning of one, or any of these with `*` for any
 * run of characters. In the order of the plan.
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

function isNamed(id: InstanceId, target: string): boolean {
  if (target === "all" || target === id) return true;
  if (target.includes("*")) return matchesPattern(id, target);
  return id.startsWith(`${target}/`) || id.startsWith(`${target}@`);
}

/** Whether a name fits a pattern in which `*` stands for any run of characters. */
export function matchesPattern(name: string, pattern: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(name);
}

function whyNothing(
  target: string,
  instances: Instances,
  stages: readonly Stage[],
  recipe: unknown,
): string {
  const [name, ...parts] = target.split("/");
  const stage = stages.find((stage) => stage.name === name);
  const start = `Cannot plan "${target}"`;
  if (target.includes("*")) return `${start}: it fits none of the ${instances.size} instances`;
  if (stage === undefined) {
    const names = ["all", ...stages.map((stage) => stage.name)];
    return `${start}: expected a stage (${names.join(", ")}) or an instance` +
      didYouMean(name, names);
  }
  const own = [...instances.keys()].filter((id) => id.startsWith(`${name}/`) || id === name);
  if (own.length === 0) return `${start}: this recipe has no instance of stage "${name}"`;
  const reason = parts.length > 0 ? stage.impossible?.(recipe, parts) : undefined;
  if (reason !== undefined) return `${start}: ${reason}`;
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
