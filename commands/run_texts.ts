/**
 * Runs of the past, and what is asked for, in words.
 */
import type { InstanceId } from "../pipeline/stage.ts";
import type { PastRun } from "../pipeline/run_history.ts";

/** In the time zone of who looks: `2026-01-31 14:05`. @param at ISO 8601 */
export function timeText(at: string): string {
  return new Date(at).toLocaleString("sv-SE").slice(0, 16);
}

/** `sample model.dModel=32`: a recipe and what was set beside it. */
export function identityText({ recipe, set, engine, threads }: PastRun["identity"]): string {
  const sets = Array.isArray(set) ? set : [];
  return [
    recipe,
    ...sets,
    ...(typeof engine === "string" ? [`engine.kind=${engine}`] : []),
    ...(typeof threads === "string" ? [`engine.threads=${threads}`] : []),
  ].join(" ");
}

/** `walk/a/left is`, `walk/a/left and the 2 that it needs are`, `6 instances and the 48 that they need are`. */
export function freshText(named: readonly InstanceId[], needed: number): string {
  const isOne = named.length === 1;
  const who = isOne ? named[0] : `${named.length} instances`;
  if (needed === 0) return `${who} ${isOne ? "is" : "are"}`;
  return `${who} and the ${needed} that ${isOne ? "it needs" : "they need"} are`;
}
