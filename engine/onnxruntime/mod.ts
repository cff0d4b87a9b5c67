/**
 * The engine `cpu`: graphs run by ONNX Runtime (npm `onnxruntime-node`, provider cpu), the optimizer as plain loops on the
 * host. The same threads give the same bytes.
 *
 * ```ts
 * import { engine } from "./mod.ts";
 * import { type Graph, operators } from "../../model/mod.ts";
 *
 * const vector = { dtype: "float32", shape: [3] } as const;
 * const graph: Graph = { // y = w·x
 *   inputs: { x: vector },
 *   parameters: { w: vector },
 *   constants: {},
 *   nodes: [{ operator: operators.Mul, inputs: ["w", "x"], outputs: ["y"], attributes: {}, scope: "body" }],
 *   types: { x: vector, w: vector, y: vector },
 *   outputs: { product: "y" },
 *   gradients: {},
 * };
 * const program = await engine.compile(graph, { threads: 1, precision: "fp32" });
 * await program.write({ w: Float32Array.of(1, 2, 3) });
 * const { product } = await program.run({ x: Float32Array.of(4, 5, 6) });
 * console.log(product); // Float32Array(3) [ 4, 10, 18 ]
 * await program.dispose();
 * ```
 */
import type { Engine } from "../engine.ts";
import { inSinglePrecision } from "../open_engine.ts";
import { OnnxRuntimeProgram } from "./program.ts";

export const engine: Engine = inSinglePrecision(
  "cpu",
  "onnxruntime",
  (graph, options) => OnnxRuntimeProgram.open(graph, options),
);
