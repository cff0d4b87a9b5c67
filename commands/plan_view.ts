/**
 * A plan as data and as words: the state of each instance, why, and what a run would cost.
 */
import { formatBytes, formatDuration } from "../base/mod.ts";
import type { InstanceForecast, PlanForecast, PlannedInstance } from "../pipeline/events.ts";
import { Forecaster, forecastPlan } from "../pipeline/forecast.ts";
import {
  type InstanceState,
  type Nearest,
  type Planner,
  runText,
  waitingText,
} from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";

/** `a, b, c and 5 more`: as many names as a line has room for. */
export function someOf(ids: readonly InstanceId[]): string {
  return ids.slice(0, 3).join(", ") + (ids.length > 3 ? ` and ${ids.length - 3} more` : "");
}

/** The states of a plan's instances, with a forecast of each and of all. */
export function planEventParts(
  ids: readonly InstanceId[],
  states: ReadonlyMap<InstanceId, InstanceState>,
  planner: Planner,
  jobs: number,
): { readonly instances: readonly PlannedInstance[]; readonly forecast: PlanForecast } {
  const forecaster = new Forecaster(planner);
  const forecasts = new Map<InstanceId, InstanceForecast>();
  const instances = ids.map((id) => {
    const state = states.get(id)!;
    if (state.status === "fresh") return plannedInstance(id, state);
    const forecast = forecaster.of(id);
    forecasts.set(id, forecast);
    return { ...plannedInstance(id, state), forecast };
  });
  return { instances, forecast: forecastPlan(forecasts, planner.instances, jobs) };
}

function plannedInstance(id: InstanceId, state: InstanceState): PlannedInstance {
  switch (state.status) {
    case "fresh":
      return { instance: id, state: "fresh", key: state.key };
    case "run":
      return { instance: id, state: "run", key: state.key, reason: runText(state) };
    case "waiting":
      return { instance: id, state: "waiting", reason: waitingText(state) };
  }
}

/** A state as `status --json` shows it. */
export function stateJson(instance: InstanceId, state: InstanceState) {
  const { status } = state;
  switch (status) {
    case "fresh": {
      const { key, manifest: { outputs, summary, provenance } } = state;
      return { instance, state: status, key, outputs, summary, provenance };
    }
    case "run": {
      const { key, reason, nearest, interruption = null } = state;
      return { instance, state: status, key, reason, nearest: nearestJson(nearest), interruption };
    }
    case "waiting":
      return { instance, state: status, on: state.on, nearest: nearestJson(state.nearest) };
  }
}

/** The nearest earlier result; null where there is none. */
function nearestJson(nearest: Nearest | undefined) {
  if (nearest === undefined) return null;
  const { manifest: { key, instance, provenance }, differences } = nearest;
  return { key, instance, madeAt: provenance.madeAt, differences };
}

/**
 * `7 instances in about 12.3 s (2 at once), 1.2 MB on disk, 240.0 MB of memory`. If no earlier run gives the time, the text says
 * `roughly`; if nothing at all tells it of some, `at least`, and `of 3 nothing is known yet`.
 */
export function forecastText(forecast: PlanForecast, jobs: number): string {
  const { instances, durationMs, bytes, peakMemoryBytes, unknown, estimated } = forecast;
  const how = unknown > 0 ? "at least" : estimated > 0 ? "roughly" : "about";
  const parts = [
    `${instances} instance${instances === 1 ? "" : "s"} in ${how} ${
      formatDuration(durationMs)
    } (${jobs} at once)`,
    ...(bytes > 0 ? [`${formatBytes(bytes)} on disk`] : []),
    ...(peakMemoryBytes > 0 ? [`${formatBytes(peakMemoryBytes)} of memory`] : []),
  ];
  const rest = unknown === 0 ? "" : `; of ${unknown} nothing is known yet`;
  return parts.join(", ") + rest;
}
