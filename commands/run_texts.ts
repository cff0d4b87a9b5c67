/**
 * Runs of the past in words.
 */
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
