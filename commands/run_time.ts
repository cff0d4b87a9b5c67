/**
 * How far a run is and how long it will take, from the forecasts of its plan and from what has happened since.
 */
import type { RunEvent } from "../pipeline/events.ts";
import type { InstanceId } from "../pipeline/stage.ts";

type PlanEvent = Extract<RunEvent, { readonly type: "plan" }>;

/** What an instance at work tells of itself. */
export interface AtWork {
  readonly startedAt: number;
  /** By its own reports; undefined as long as they do not tell. */
  readonly leftMs?: number;
}

/**
 * Forecasts count this much as if they had come true: what the first short instances take says little of the long ones.
 */
const trustMs = 5_000;

export class RunTime {
  /** Forecasts by instance, of all that are to do; undefined where nothing is known. */
  readonly #forecasts = new Map<InstanceId, number | undefined>();
  /** How many work at once, as the plan has it. */
  readonly #atOnce: number;
  /** Of instances that have ended: what they were forecast and what they took. */
  #forecastMs = 0;
  #tookMs = 0;
  #ended = 0;
  /** What had to be done of those that turned out to be fresh or that have ended, in forecast time. */
  readonly #doneIds = new Set<InstanceId>();

  constructor(plan: PlanEvent) {
    let work = 0;
    for (const { instance, state, forecast } of plan.instances) {
      if (state === "fresh") continue;
      this.#forecasts.set(instance, forecast?.durationMs);
      work += forecast?.durationMs ?? 0;
    }
    const wall = plan.forecast.durationMs;
    this.#atOnce = wall > 0 ? Math.min(Math.max(work / wall, 1), plan.jobs) : 1;
  }

  /** An instance that the plan did not have: its result was damaged. */
  add(instance: InstanceId): void {
    if (!this.#forecasts.has(instance)) this.#forecasts.set(instance, undefined);
  }

  /** @param tookMs Absent for one that did not have to run. */
  end(instance: InstanceId, tookMs?: number): void {
    this.#doneIds.add(instance);
    if (tookMs === undefined) return;
    this.#ended++;
    this.#tookMs += tookMs;
    this.#forecastMs += this.#forecasts.get(instance) ?? tookMs;
  }

  /** How much longer things take than was forecast. */
  #pace(): number {
    return (this.#tookMs + trustMs) / (this.#forecastMs + trustMs);
  }

  /** What an instance takes in all; undefined where neither the plan nor the run so far tells anything. */
  #expectedMs(instance: InstanceId): number | undefined {
    const forecast = this.#forecasts.get(instance);
    if (forecast !== undefined) return forecast * this.#pace();
    return this.#ended === 0 ? undefined : this.#tookMs / this.#ended;
  }

  /**
   * The share that is done, from 0 to 1, and the time that is left; neither where nothing tells.
   * @param atWork The instances at work.
   */
  at(
    now: number,
    atWork: ReadonlyMap<InstanceId, AtWork>,
  ): { share: number; leftMs: number } | undefined {
    let [done, left, longest] = [0, 0, 0];
    for (const id of this.#forecasts.keys()) {
      const expected = this.#expectedMs(id);
      if (this.#doneIds.has(id)) {
        done += expected ?? 0;
        continue;
      }
      const work = atWork.get(id);
      const passed = work === undefined ? 0 : now - work.startedAt;
      const rest = work?.leftMs ??
        (expected === undefined ? undefined : Math.max(0, expected - passed));
      if (rest === undefined) return undefined;
      done += passed;
      left += rest;
      longest = Math.max(longest, rest);
    }
    const all = done + left;
    // What is at work ends on its own; the rest goes on as many at once as the plan has it.
    return { share: all === 0 ? 1 : done / all, leftMs: Math.max(longest, left / this.#atOnce) };
  }
}
