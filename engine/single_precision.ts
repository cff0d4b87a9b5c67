/** What engines without products in half precision say when asked for them. */
import { UsageError } from "../base/mod.ts";
import type { Engine, EngineOptions } from "./engine.ts";

/** The engine, refusing any precision except `fp32` before a graph is compiled. `kind` is its name in recipes. */
export function inSinglePrecision(kind: string, engine: Engine): Engine {
  const check = ({ precision }: EngineOptions) => {
    if (precision === "fp32") return;
    throw new UsageError(
      `Cannot use engine "${kind}" with precision "${precision}": expected "fp32" (set engine.precision=fp32)`,
    );
  };
  return {
    name: engine.name,
    compile: async (graph, options) => {
      check(options);
      return await engine.compile(graph, options);
    },
    compileTraining: async (graph, options) => {
      check(options);
      return await engine.compileTraining(graph, options);
    },
  };
}
