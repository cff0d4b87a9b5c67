/**
 * An engine made of one function that opens programs. What every engine asks of a graph and its options is checked here, before a
 * graph is compiled.
 */
import { UsageError } from "../base/mod.ts";
import type { Graph } from "../model/mod.ts";
import { expectGradients, expectThreads } from "./checks.ts";
import type { AdamWOptions, Engine, EngineOptions, Precision, TrainingProgram } from "./engine.ts";

export type OpenOptions = EngineOptions & {
  /** Absent where nothing is trained: the graph then has no gradients. */
  readonly optimizer?: AdamWOptions;
};

type Open = (graph: Graph, options: OpenOptions) => TrainingProgram | Promise<TrainingProgram>;

/** @param expectPrecision Throws for a precision that the engine does not have. */
export function engineOf(
  name: string,
  expectPrecision: (options: EngineOptions) => void | Promise<void>,
  open: Open,
  runsOn: Engine["runsOn"] = "processor",
): Engine {
  const checked = async (graph: Graph, options: OpenOptions) => {
    expectThreads(options.threads);
    await expectPrecision(options);
    return await open(graph, options);
  };
  return {
    name,
    runsOn,
    compile: (graph, options) => checked({ ...graph, gradients: {} }, options),
    async compileTraining(graph, options) {
      expectGradients(graph);
      return await checked(graph, options);
    },
  };
}

/** Refuses other precisions, and names the way out. `kind` is an engine's name in recipes. */
export function expectOneOf(
  kind: string,
  known: readonly Precision[],
): (options: EngineOptions) => void {
  return ({ precision }) => {
    if (known.includes(precision)) return;
    const expected = known.map((name) => `"${name}"`).join(" or ");
    throw new UsageError(
      `Cannot use engine "${kind}" with precision "${precision}": expected ${expected} (set engine.precision=${
        known[0]
      })`,
    );
  };
}

/** An engine of single precision alone. `kind` is its name in recipes. */
export function inSinglePrecision(
  kind: string,
  name: string,
  open: Open,
  runsOn?: Engine["runsOn"],
): Engine {
  return engineOf(name, expectOneOf(kind, ["fp32"]), open, runsOn);
}
