/**
 * Makes cheap instances (tables, figures) when a user asks for them, if everything that they need exists.
 */
import { UsageError } from "../base/mod.ts";
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { withNeeds } from "../pipeline/targets.ts";
import type { Session } from "./session.ts";
import { type PlanOptions, typedOptions } from "./plan_options.ts";
import { someOf } from "./plan_view.ts";
import { run } from "./run.ts";

interface OnTheSpot {
  /** Of the instances and of everything that they need. */
  readonly states: Map<InstanceId, InstanceState>;
  /** Of the instances those that are fresh, in their order. */
  readonly fresh: readonly InstanceId[];
  /** 0 if all are. */
  readonly code: number;
  /** Why some cannot be made before something else has run. */
  readonly error?: UsageError;
}

/**
 * Makes those instances whose inputs are there.
 * @param asked What the user asked for: in words, and as targets.
 */
export async function madeOnTheSpot(
  session: Session,
  ids: readonly InstanceId[],
  options: PlanOptions,
  asked: { readonly what: string; readonly targets: readonly string[] },
): Promise<OnTheSpot> {
  let states = await session.states(ids);
  const isFresh = (id: InstanceId) => states.get(id)!.status === "fresh";
  const needs = (id: InstanceId) =>
    withNeeds([id], session.instances).filter((needed) => needed !== id && !isFresh(needed));
  const missing = ids.filter((id) => !isFresh(id));
  const waiting = missing.filter((id) => needs(id).some((needed) => !ids.includes(needed)));
  const makeable = missing.filter((id) => !waiting.includes(id));
  let code = 0;
  if (makeable.length > 0) {
    const quietly = { ...options, only: true, quiet: true, wait: true, keepGoing: true };
    code = await run(session.project, makeable, quietly);
    states = await session.states(ids);
  }
  const fresh = ids.filter(isFresh);
  if (waiting.length === 0) return { states, fresh, code };
  const expensive = [...new Set(waiting.flatMap(needs))].filter((id) => !ids.includes(id));
  const isAll = waiting.length === ids.length;
  const targets = (isAll ? asked.targets : waiting).map((target) => ` ${target}`).join("");
  const error = new UsageError(
    `Cannot print ${isAll ? asked.what : someOf(waiting)}: ${someOf(expensive)} must run first; ` +
      `do: deno task pipeline run${targets}${typedOptions(options)}`,
  );
  return { states, fresh, code, error };
}
