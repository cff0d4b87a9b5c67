/**
 * Makes cheap instances (tables, figures) when a user asks for them, if everything that they need exists.
 */
import { UsageError } from "../base/mod.ts";
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import type { Session } from "./session.ts";
import { type PlanOptions, typedOptions } from "./plan_options.ts";
import { run } from "./run.ts";

/**
 * The states of instances, all fresh, and of everything that they need; an exit code if making them failed.
 *
 * @param asked What the user asked for: in words, and as targets.
 * @throws UsageError if something else must run first
 */
export async function madeOnTheSpot(
  session: Session,
  ids: readonly InstanceId[],
  options: PlanOptions,
  asked: { readonly what: string; readonly targets: readonly string[] },
): Promise<Map<InstanceId, InstanceState> | number> {
  const states = await session.states(ids);
  const missing = [...states].filter(([, state]) => state.status !== "fresh").map(([id]) => id);
  if (missing.length === 0) return states;
  const expensive = missing.filter((id) => !ids.includes(id));
  if (expensive.length > 0) {
    const some = expensive.slice(0, 3).join(", ") +
      (expensive.length > 3 ? ` and ${expensive.length - 3} more` : "");
    const targets = asked.targets.map((target) => ` ${target}`).join("");
    throw new UsageError(
      `Cannot print ${asked.what}: ${some} must run first; ` +
        `do: deno task pipeline run${targets}${typedOptions(options)}`,
    );
  }
  const code = await run(session.project, missing, {
    ...options,
    only: true,
    quiet: true,
    wait: true,
  });
  return code === 0 ? await session.states(ids) : code;
}
