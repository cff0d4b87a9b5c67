/**
 * What a run will cost, before it starts: by earlier runs in the store, else by the operations that stages count.
 */
import type { InstanceForecast, PlanForecast } from "./events.ts";
import type { Instance } from "./instances.ts";
import type { Planner } from "./plan.ts";
import type { InstanceId, StageForecast } from "./stage.ts";
import type { Manifest } from "./store.ts";

/** Operations a second where the store has no run to measure them by: a small model on one core. */
const assumedFlopsPerSecond = 2e10;

/** Results of a stage that a mean is taken over, the newest of each instance first. */
const mostResults = 64;

/** Forecasts instances of a plan. */
export class Forecaster {
  readonly #planner: Planner;
  readonly #byStage = new Map<string, readonly Manifest[]>();
  #flopsPerSecond: number | undefined;

  constructor(planner: Planner) {
    this.#planner = planner;
  }

  of(id: InstanceId): InstanceForecast {
    const instance = this.#planner.instances.get(id)!;
    const told = instance.stage.forecast?.(instance.recipe, instance.parts) ?? {};
    const own = this.#planner.earlier.of(instance.base)
      .find(({ provenance }) => provenance.recipe === this.#planner.recipe.name);
    if (own !== undefined) return { ...scaled([own], told, () => 1), basis: "instance" };
    const ofStage = this.#ofStage(instance.stage.name);
    if (ofStage.length > 0) {
      const weight = weightOf(instance);
      const ratio = (base: string) => {
        const other = this.#planner.instances.get(base);
        return other === undefined ? 1 : weight / weightOf(other);
      };
      return { ...scaled(ofStage, told, ratio), basis: "stage" };
    }
    const { flops, bytes, memoryBytes } = told;
    const rest = {
      ...(bytes !== undefined ? { bytes } : {}),
      ...(memoryBytes !== undefined ? { peakMemoryBytes: memoryBytes } : {}),
    };
    if (flops === undefined) return { ...rest, basis: "none" };
    return { ...rest, flops, durationMs: flops / this.#rate() * 1000, basis: "flops" };
  }

  /** Of this recipe where there are any, else of all. */
  #ofStage(stage: string): readonly Manifest[] {
    const known = this.#byStage.get(stage);
    if (known !== undefined) return known;
    const all = this.#planner.earlier.ofStage(stage);
    const own = all.filter(({ provenance }) => provenance.recipe === this.#planner.recipe.name);
    const chosen = (own.length > 0 ? own : all).slice(0, mostResults);
    this.#byStage.set(stage, chosen);
    return chosen;
  }

  /** As measured in this store. */
  #rate(): number {
    if (this.#flopsPerSecond !== undefined) return this.#flopsPerSecond;
    const stages = new Set([...this.#planner.instances.values()].map(({ stage }) => stage.name));
    const counted = [...stages].flatMap((stage) => this.#ofStage(stage))
      .map(({ provenance }) => provenance).filter(({ flops }) => flops !== undefined);
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    const seconds = sum(counted.map(({ durationMs }) => durationMs)) / 1000;
    const flops = sum(counted.map(({ flops }) => flops!));
    return this.#flopsPerSecond = seconds > 0 ? flops / seconds : assumedFlopsPerSecond;
  }
}

/** Means over earlier results, the duration of each scaled by operations where both are counted, else by weight. */
function scaled(
  results: readonly Manifest[],
  { flops }: StageForecast,
  weightRatio: (base: string) => number,
): Omit<InstanceForecast, "basis"> {
  const durations = results.map(({ instance, provenance }) => {
    const isCounted = flops !== undefined && provenance.flops !== undefined && provenance.flops > 0;
    const ratio = isCounted ? flops / provenance.flops! : weightRatio(instance.split("@")[0]);
    return provenance.durationMs * ratio;
  });
  const known = (values: readonly (number | undefined)[]) =>
    values.filter((value) => value !== undefined);
  const bytes = known(results.map(({ provenance }) => provenance.bytes));
  const memory = known(results.map(({ provenance }) => provenance.peakMemoryBytes));
  return {
    durationMs: mean(durations),
    ...(bytes.length > 0 ? { bytes: Math.round(mean(bytes)) } : {}),
    ...(memory.length > 0 ? { peakMemoryBytes: Math.max(...memory) } : {}),
    ...(flops !== undefined ? { flops } : {}),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function weightOf({ stage, recipe, parts }: Instance): number {
  return stage.weight?.(recipe, parts) ?? 1;
}

/**
 * The cost of all instances that are not fresh, were each to run: they start as the scheduler starts them, the costliest
 * of what is ready first, `jobs` at once.
 *
 * @param forecasts Of the instances that are not fresh, in the order of the plan.
 */
export function forecastPlan(
  forecasts: ReadonlyMap<InstanceId, InstanceForecast>,
  instances: ReadonlyMap<InstanceId, Instance>,
  jobs: number,
): PlanForecast {
  const needsLeft = new Map<InstanceId, number>();
  const neededBy = new Map<InstanceId, InstanceId[]>();
  for (const id of forecasts.keys()) {
    const needs = instances.get(id)!.needs.filter((needed) => forecasts.has(needed));
    needsLeft.set(id, needs.length);
    for (const needed of needs) neededBy.set(needed, [...neededBy.get(needed) ?? [], id]);
  }
  const weights = new Map([...forecasts.keys()].map((id) => [id, weightOf(instances.get(id)!)]));
  const ready = [...forecasts.keys()].filter((id) => needsLeft.get(id) === 0);
  const running = new Map<InstanceId, number>();
  let [now, memory, peakMemoryBytes] = [0, 0, 0];
  const memoryOf = (id: InstanceId) => forecasts.get(id)!.peakMemoryBytes ?? 0;
  while (ready.length > 0 || running.size > 0) {
    ready.sort((a, b) => weights.get(b)! - weights.get(a)!);
    for (const id of ready.splice(0, jobs - running.size)) {
      running.set(id, now + (forecasts.get(id)!.durationMs ?? 0));
      memory += memoryOf(id);
      peakMemoryBytes = Math.max(peakMemoryBytes, memory);
    }
    const [first, end] = [...running].reduce((a, b) => b[1] < a[1] ? b : a);
    running.delete(first);
    memory -= memoryOf(first);
    now = end;
    for (const id of neededBy.get(first) ?? []) {
      needsLeft.set(id, needsLeft.get(id)! - 1);
      if (needsLeft.get(id) === 0) ready.push(id);
    }
  }
  const all = [...forecasts.values()];
  const sum = (of: (forecast: InstanceForecast) => number | undefined) =>
    all.reduce((total, forecast) => total + (of(forecast) ?? 0), 0);
  return {
    instances: all.length,
    durationMs: Math.round(now),
    bytes: sum(({ bytes }) => bytes),
    peakMemoryBytes,
    flops: sum(({ flops }) => flops),
    unknown: all.filter(({ basis }) => basis === "none").length,
  };
}
