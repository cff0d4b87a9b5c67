/**
 * The action key: which computation an instance is. Two instances with the same key have the same bytes.
 *
 * In:  stage name · code (digest of the tree-shaken bundles of `run`, of `stage_context.ts`, which makes what `run` is given,
 *      of each module used, and of what these start in threads and processes) · packages that this code imports (name,
 *      version, integrity) · parameters · digest of every input, by name · root seed and seed names, when the stage declares
 *      any. Engine kind, precision and threads are parameters of the stages that have an engine.
 * Out: instance id, recipe name, file paths, those of the code too, store, jobs, device name, log level, progress, working
 *      directory, host, time zone, locale, clock.
 */
import { canonicalJson, type Json, sha256 } from "../base/mod.ts";

/** Raised by one only when what users have must be recomputed for a reason that the record does not show. */
export const keyFormat = 1;

export interface ActionRecord {
  readonly format: typeof keyFormat;
  readonly stage: string;
  /** Digest of the code by role: `run`, `context` (which makes what `run` is given), and each module used. */
  readonly code: Readonly<Record<string, string>>;
  /** `<version> <integrity>` by package name. */
  readonly packages: Readonly<Record<string, string>>;
  readonly params: Json;
  /** Digest of each input object and outside file, by declared name (files are prefixed `file:`). */
  readonly inputs: Readonly<Record<string, string>>;
  /** Absent when the stage draws nothing at random. */
  readonly seeds?: { readonly root: number; readonly names: readonly string[] };
}

/** The key of an action: SHA-256 of the record's canonical JSON. */
export function actionKey(record: ActionRecord): string {
  return sha256(canonicalJson(record));
}
