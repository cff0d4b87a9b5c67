/** The machine's peak of single-precision matrix products, as an engine reaches it on some threads. */
import type { Engine } from "../engine/mod.ts";
import { float32, GraphBuilder, operators } from "../model/mod.ts";
import { timeTasks } from "./timing.ts";

const size = 2048;

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
  const ones = new Float32Array(size).fill(1);
  const multiply = () => program.run({ scale: ones });
  const { product: { bestSeconds } } = await timeTasks(
    { product: multiply },
    { iterations: 12, warmUps: 0 },
  );
  await program.dispose();
  return 2 * size ** 3 / bestSeconds / 1e9;
}
