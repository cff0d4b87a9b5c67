/**
 * The engine `tfjs`: TensorFlow.js on WebAssembly, on any machine and with nothing to install. It runs on one thread, whatever number is asked for:
 * its package has no threads outside browsers. A second opinion on the other engines rather than a fast one.
 *
 * ```ts
 * import { float32, GraphBuilder, operators } from "../../model/mod.ts";
 * import { engine } from "./mod.ts";
 * const builder = new GraphBuilder();
 * const x = builder.input("x", float32([2]));
 * const graph = builder.build({ y: builder.apply(operators.Exp, [x]) });
 * const program = await engine.compile(graph, { threads: 1, precision: "fp32" });
 * console.log((await program.run({ x: new Float32Array(2) })).y); // Float32Array(2) [ 1, 1 ]
 * await program.dispose();
 * ```
 */
import type { Engine } from "../engine.ts";
import { inSinglePrecision } from "../open_engine.ts";
import type { Tf } from "./kernels.ts";
import { TfjsProgram } from "./program.ts";

/** An engine over a TensorFlow.js that is loaded at the first graph. */
export function tfjsEngine(
  name: string,
  load: () => Promise<Tf>,
  runsOn?: Engine["runsOn"],
): Engine {
  let loaded: Promise<Tf> | undefined;
  const tf = () => loaded ??= load();
  return inSinglePrecision(
    name,
    name,
    async (graph, { optimizer }) => new TfjsProgram(await tf(), graph, optimizer),
    runsOn,
  );
}

export const engine: Engine = tfjsEngine("tfjs", async () => {
  const tf = await import("@tensorflow/tfjs-core");
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  // The package's entry and its WebAssembly lie in one folder.
  const entry = import.meta.resolve("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(decodeURIComponent(new URL(".", entry).pathname));
  if (!await tf.setBackend("wasm")) {
    throw new Error("Cannot start TensorFlow.js: expected its WebAssembly backend, found none");
  }
  return tf;
});
