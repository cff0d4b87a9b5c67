/** The machine's peak of matrix products, as an engine reaches it on some threads, and as PyTorch's BLAS does. */
import { cpuUsage } from "node:process";
import type { Engine, EngineOptions } from "../engine/mod.ts";
import { float32, GraphBuilder, operators } from "../model/mod.ts";

const size = 2048;
const repeats = 12;

/** GFLOP of the fastest of a dozen products of 2048 × 2048 matrices, for each second. */
export interface MatrixPeak {
  /** By the clock. */
  readonly perSecond: number;
  /** Of a processor's time in the process, all threads together: what a busy machine can tell. */
  readonly perCpuSecond: number;
}

export async function matrixPeak(engine: Engine, options: EngineOptions): Promise<MatrixPeak> {
  const builder = new GraphBuilder();
  const a = builder.parameter("a", [size, size]);
  const b = builder.parameter("b", [size, size]);
  const scale = builder.input("scale", float32([1, size]));
  const product = builder.apply(operators.Gemm, [a, b]); // (2048, 2048)
  // One row is fetched: the whole product would be copied.
  const program = await engine.compile(
    builder.build({ row: builder.apply(operators.Gemm, [scale, product]) }),
    options,
  );
  const values = new Float32Array(size * size).fill(0.5);
  await program.write({ a: values, b: values });
  const ones = new Float32Array(size).fill(1);
  const [seconds, cpuSeconds]: number[][] = [[], []];
  for (let i = 0; i < repeats; i++) {
    const [used, started] = [cpuUsage(), performance.now()];
    await program.run({ scale: ones });
    seconds.push((performance.now() - started) / 1000);
    const { user, system } = cpuUsage(used);
    cpuSeconds.push((user + system) / 1e6);
  }
  await program.dispose();
  return peakOf(seconds, cpuSeconds);
}

const pyTorchProducts = `
import json, resource, sys, time
import torch
size, repeats, threads = map(int, sys.argv[1:])
torch.set_num_threads(threads)
a = torch.full((size, size), 0.5)
def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
seconds, cpu_seconds = [], []
for _ in range(repeats):
    before, started = used(), time.perf_counter()
    a @ a
    seconds.append(time.perf_counter() - started)
    cpu_seconds.append(used() - before)
print(json.dumps([seconds, cpu_seconds]))
`;

/** The same of PyTorch, whose products are those of its BLAS. */
export async function blasPeak(python: string, threads: number): Promise<MatrixPeak> {
  const args = ["-c", pyTorchProducts, ...[size, repeats, threads].map(String)];
  const { success, stdout } = await new Deno.Command(python, { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`Cannot measure products with "${python}": it failed`);
  const [seconds, cpuSeconds] = JSON.parse(new TextDecoder().decode(stdout));
  return peakOf(seconds, cpuSeconds);
}

function peakOf(seconds: readonly number[], cpuSeconds: readonly number[]): MatrixPeak {
  const [perSecond, perCpuSecond] = [seconds, cpuSeconds].map((times) =>
    2 * size ** 3 / Math.min(...times) / 1e9
  );
  return { perSecond, perCpuSecond };
}
