/**
 * Measurements inside this process, by tinybench. It takes one task after the other. Where ours is compared with another program
 * (PyTorch, `spm_encode`), a loop of the benchmark's own runs both in turn instead: a machine that slows down then slows both.
 */
import { cpuUsage } from "node:process";
import { Bench } from "tinybench";

export interface Times {
  /** Median by the clock. */
  readonly seconds: number;
  readonly bestSeconds: number;
  /** Median of the time on processors, all threads together: other programs on the machine change it little. */
  readonly cpuSeconds: number;
}

interface TimingOptions {
  readonly iterations: number;
  /** Calls before the measured ones, while memory is new and the runtime compiles. */
  readonly warmUps: number;
}

/** Calls each task again and again. @throws what a task throws. */
export async function timeTasks<Name extends string>(
  tasks: Readonly<Record<Name, () => unknown>>,
  { iterations, warmUps }: TimingOptions,
): Promise<Record<Name, Times>> {
  const bench = new Bench({
    iterations,
    time: 0,
    warmup: warmUps > 0,
    warmupIterations: warmUps,
    warmupTime: 0,
    throws: true,
  });
  const used = new Map<string, number[]>();
  for (const [name, task] of Object.entries<() => unknown>(tasks)) {
    used.set(name, []);
    bench.add(name, async () => {
      const before = cpuUsage();
      await task();
      const { user, system } = cpuUsage(before);
      used.get(name)!.push((user + system) / 1e6);
    });
  }
  const measured = await bench.run();
  return Object.fromEntries(measured.map(({ name, result }) => {
    if (result.state !== "completed") throw new Error(`Cannot measure ${name}: ${result.state}`);
    const { p50, min } = result.latency;
    const cpuSeconds = median(used.get(name)!.slice(warmUps));
    return [name, { seconds: p50 / 1000, bestSeconds: min / 1000, cpuSeconds }];
  })) as Record<Name, Times>;
}

/** The middle of the values, or the mean of the two that are in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
