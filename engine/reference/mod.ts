/**
 * The reference engine: any graph in float64, in plain TypeScript. It says what is right; its neighbours are fast.
 *
 * Between runs, parameters and moments are single precision, so that a checkpoint holds all there is; a run and an update
 * compute in float64 and round once. Threads make no difference.
 *
 * ```ts
 * import { GraphBuilder, operators } from "../../model/mod.ts";
 * import { engine } from "./mod.ts";
 * const builder = new GraphBuilder();
 * const x = builder.input("x", { dtype: "float32", shape: [2] });
 * const graph = builder.build({ y: builder.apply(operators.Exp, [x]) });
 * const program = await engine.compile(graph, { threads: 1, precision: "fp32" });
 * console.log((await program.run({ x: new Float32Array(2) })).y); // Float32Array(2) [ 1, 1 ]
 * ```
 */
import type { Engine } from "../engine.ts";
import { inSinglePrecision } from "../open_engine.ts";
import { ReferenceProgram } from "./program.ts";

export { interpret, scheduleFor, type Values } from "./interpret.ts";

export const engine: Engine = inSinglePrecision(
  "reference",
  "reference",
  (graph, { optimizer }) => new ReferenceProgram(graph, optimizer),
);
