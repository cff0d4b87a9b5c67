/**
 * What a request gives to `run`. This code can change what a stage makes, so its digest is in every action key
 * (`context` in a record's `code`); the rest of the runner is in none.
 */
import { seedOf } from "../base/mod.ts";
import { matchesPattern } from "./pattern.ts";
import type { ChildRequest } from "./protocol.ts";
import type { StageContext } from "./stage.ts";

/** The context of an instance: what is asked for, and what only its process has. */
export function contextOf(
  request: Pick<
    ChildRequest,
    "record" | "hints" | "inputs" | "files" | "outputs" | "checkpointFolder" | "modules"
  >,
  process: Pick<StageContext, "modules" | "log" | "signal">,
): StageContext {
  const { params, seeds: { root, names } = { root: 0, names: [] } } = request.record;
  return {
    params: params as object,
    hints: request.hints,
    inputs: request.inputs,
    files: request.files,
    outputs: request.outputs,
    checkpointFolder: request.checkpointFolder,
    seed(name) {
      if (names.some((declared) => matchesPattern(name, declared))) return seedOf(root, name);
      throw new RangeError(`Cannot give seed "${name}": expected one of ${names.join(", ")}`);
    },
    moduleUrls: request.modules,
    ...process,
  };
}
