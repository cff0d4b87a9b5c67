/**
 * What a run will cost, before it starts: by earlier runs in the store, else by the operations that stages count.
 */
import { Capacity, machineCapacity, type Share } from "./capacity.ts";
import { StartQueue } from "./start_order.ts";
import type { InstanceForecast, PlanForecast } from "./events.ts";
import type { Instance } from "./instances.ts";
import type { Manifest } from "./manifest.ts";
import type { Planner } from "./plan.ts";
import type { InstanceId, StageForecast } from "./stage.ts";
import type { Store } from "./store.ts";

/** Operations a second and thread where neither the store nor the stage tells: float32 with AVX2, small networks. */
const assumedFlopsPerSecond = 4e10;

/** How long a process takes to start and to end, with no work between: 0.5 s on a quiet machine. */
export const assumedStartMs = 500;

/** Results of a stage that a mean is taken over, the newest of each instance first. */
const mostResults = 64;

/** A shorter run is mostly the start of its process: it tells nothing of one that has this many times its operations. */
const tellingMs = 10_000;
const mostStretch = 5;

/** Forecasts instances of a plan. */
export class Forecaster {
  readonly #planner: Planner;
  readonly #byStage = new Map<string, readonly Manifest[]>();
  /** Of objects: many instances read the same. */
  readonly #bytes = new Map<string, number | undefined>();
  /** Operations a second, as runs of this store tell. */
  #measured: number | undefined;

  constructor(planner: Planner) {
    this.#planner = planner;
  }

  of(id: InstanceId): InstanceForecast {
    const instance = this.#planner.instances.get(id)!;
    const { weight } = instance.declaration;
    const told = { ...instance.declaration.forecast, flops: this.#flops(instance) };
    const own = this.#planner.earlier.of(instance.base)
      .find(({ provenance }) => provenance.recipe === this.#planner.recipe.name);
    const weightRatio = (base: string) => {
      const other = this.#planner.instances.get(base);
      return other === undefined ? 1 : weight / other.declaration.weight;
    };
    const fromOwn = own && scaled([own], told, () => 1);
    if (fromOwn !== undefined) return { ...fromOwn, basis: "instance" };
    const fromStage = scaled(this.#ofStage(instance.stage.name), told, weightRatio);
    if (fromStage !== undefined) return { ...fromStage, basis: "stage" };
    const { flops, bytes, memoryBytes } = told;
    const rest = {
      ...(bytes !== undefined ? { bytes } : {}),
      ...(memoryBytes !== undefined ? { peakMemoryBytes: memoryBytes } : {}),
    };
    if (flops === undefined) return { ...rest, basis: "none" };
    const durationMs = assumedStartMs + flops / this.#rate(instance, told) * 1000;
    return { ...rest, flops, durationMs, basis: "flops" };
  }

  /** With inputs as large as those that the recipe's last run has made. */
  #flops(instance: Instance): number | undefined {
    const { earlier, instances, recipe, store } = this.#planner;
    return countedFlops(instance, (name) => {
      const { from, output } = instance.inputs.get(name)!;
      const made = earlier.of(instances.get(from)!.base)
        .find(({ provenance }) => provenance.recipe === recipe.name);
      const digest = made?.outputs[output];
      if (digest === undefined) return undefined;
      if (!this.#bytes.has(digest)) this.#bytes.set(digest, bytesOf(store, digest));
      return this.#bytes.get(digest);
    });
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

  /** As measured in this store, else as the stage tells. */
  #rate(instance: Instance, { flopsPerSecond }: StageForecast): number {
    this.#measured ??= this.#measure();
    if (this.#measured > 0) return this.#measured;
    return flopsPerSecond ?? assumedFlopsPerSecond * claimOf(instance, { basis: "none" }).threads;
  }

  /** Operations a second of all runs that tell; 0 where none does. */
  #measure(): number {
    const stages = new Set([...this.#planner.instances.values()].map(({ stage }) => stage.name));
    const telling = [...stages].flatMap((stage) => this.#ofStage(stage))
      .map(({ provenance }) => provenance)
      .filter(({ flops, durationMs }) => flops !== undefined && durationMs >= tellingMs);
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    const seconds = sum(telling.map(({ durationMs }) => durationMs)) / 1000;
    return seconds > 0 ? sum(telling.map(({ flops }) => flops!)) / seconds : 0;
  }
}

/**
 * The operations of an instance, as its stage forecasts them; undefined where it does not, or where an input is not there whose
 * size tells.
 *
 * @param bytesOf Bytes of an input
 */
export function countedFlops(
  { declaration: { forecast: { flops, flopsPerByte = {} } } }: Instance,
  bytesOf: (input: string) => number | undefined,
): number | undefined {
  let counted = flops;
  for (const [input, perByte] of Object.entries(flopsPerByte)) {
    const bytes = bytesOf(input);
    if (bytes === undefined) return undefined;
    counted = (counted ?? 0) + perByte * bytes;
  }
  return counted;
}

/** The size of an object; undefined where it is not there. */
export function bytesOf(store: Store, digest: string): number | undefined {
  return store.listing(digest)?.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Means over earlier results, the duration of each scaled by operations where both are counted, else by weight. Memory is the
 * most that was seen or is told. Undefined where no result tells anything.
 */
function scaled(
  results: readonly Manifest[],
  { flops, memoryBytes }: StageForecast,
  weightRatio: (base: string) => number,
): Omit<InstanceForecast, "basis"> | undefined {
  const telling = results.flatMap(({ instance, provenance }) => {
    const isCounted = flops !== undefined && provenance.flops !== undefined && provenance.flops > 0;
    const ratio = isCounted ? flops / provenance.flops! : weightRatio(instance.split("@")[0]);
    const isTelling = ratio <= mostStretch || provenance.durationMs >= tellingMs;
    return isTelling ? [{ ...provenance, durationMs: provenance.durationMs * ratio }] : [];
  });
  if (telling.length === 0) return undefined;
  const known = (values: readonly (number | undefined)[]) =>
    values.filter((value) => value !== undefined);
  const bytes = known(telling.map(({ bytes }) => bytes));
  const memory = known([...telling.map(({ peakMemoryBytes }) => peakMemoryBytes), memoryBytes]);
  return {
    durationMs: mean(telling.map(({ durationMs }) => durationMs)),
    ...(bytes.length > 0 ? { bytes: Math.round(mean(bytes)) } : {}),
    ...(memory.length > 0 ? { peakMemoryBytes: Math.max(...memory) } : {}),
    ...(flops !== undefined ? { flops } : {}),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What an instance takes of the machine: threads as its stage declares them, memory as it is forecast. */
export function claimOf(
  { declaration: { claims: { threads } } }: Instance,
  { peakMemoryBytes = 0 }: InstanceForecast,
): Share {
  return { threads, memoryBytes: peakMemoryBytes };
}

/**
 * The cost of all instances that are not fresh, were each to run: they start as the scheduler starts them, of what is ready
 * what begins the costliest chain first, at most `jobs` at once, and as many as fit.
 *
 * @param forecasts Of the instances that are not fresh, in the order of the plan.
 */
export function forecastPlan(
  forecasts: ReadonlyMap<InstanceId, InstanceForecast>,
  instances: ReadonlyMap<InstanceId, Instance>,
  jobs: number,
  machine: Share = machineCapacity(),
): PlanForecast {
  const capacity = new Capacity(machine);
  const claims = new Map([...forecasts].map(([id, it]) => [id, claimOf(instances.get(id)!, it)]));
  const needsLeft = new Map<InstanceId, number>();
  const neededBy = new Map<InstanceId, InstanceId[]>();
  for (const id of forecasts.keys()) {
    const needs = instances.get(id)!.needs.filter((needed) => forecasts.has(needed));
    needsLeft.set(id, needs.length);
    neededBy.set(id, []);
    for (const needed of needs) neededBy.get(needed)!.push(id);
  }
  const ready = new StartQueue([...forecasts.keys()], instances);
  for (const [id, left] of needsLeft) if (left === 0) ready.add(id);
  const running = new Map<InstanceId, number>();
  let [now, memory, peakMemoryBytes] = [0, 0, 0];
  const memoryOf = (id: InstanceId) => forecasts.get(id)!.peakMemoryBytes ?? 0;
  const fits = (id: InstanceId) => running.size < jobs && capacity.fits(claims.get(id)!);
  while (ready.size > 0 || running.size > 0) {
    for (let id = ready.first(fits); id !== undefined; id = ready.first(fits)) {
      ready.delete(id);
      capacity.take(claims.get(id)!);
      running.set(id, now + (forecasts.get(id)!.durationMs ?? assumedStartMs));
      memory += memoryOf(id);
      peakMemoryBytes = Math.max(peakMemoryBytes, memory);
    }
    const [first, end] = [...running].reduce((a, b) => b[1] < a[1] ? b : a);
    running.delete(first);
    capacity.giveBack(claims.get(first)!);
    memory -= memoryOf(first);
    now = end;
    for (const id of neededBy.get(first)!) {
      needsLeft.set(id, needsLeft.get(id)! - 1);
      if (needsLeft.get(id) === 0) ready.add(id);
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
    estimated: all.filter(({ basis }) => basis === "flops").length,
  };
}
