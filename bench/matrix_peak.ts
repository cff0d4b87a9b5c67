/** The machine's peak of single-precision matrix products, as ONNX Runtime reaches it on one thread count. */
import type { Engine } from "../engine/mod.ts";
import { float32, GraphBuilder, operators } from "../model/mod.ts";

const size = 2048;
const repeats = 12;

/** GFLOP/s of the fastest of a dozen products of 2048 × 2048 matrices. */
export async function matrixPeak(engine: Engine, threads: number): Promise<number> {
  const builder = new GraphBuilder();
  const a = builder.parameter("a", [size, size]);
  const b = builder.parameter("b", [size, size]);
  const scale = builder.input("scale", float32([1, size]));
  const product = builder.apply(operators.Gemm, [a, b]); // (2048, 2048)
  // One row is fetched: the whole product would be copied.
  const program = await engine.compile(
    builder.build({ row: builder.apply(operators.Gemm, [scale, product]) }),
    { threads, precision: "fp32" },
  );
  const values = new Float32Array(size * size).fill(0.5);
  await program.write({ a: values, b: values });
  let best = Infinity;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const started = performance.now();
    await program.run({ scale: new Float32Array(size).fill(1) });
    best = Math.min(best, performance.now() - started);
  }
  await program.dispose();
  return 2 * size ** 3 / best / 1e6;
}
