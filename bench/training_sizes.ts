/**
 * Times a step with each size of micro-batch that divides the batch, one process each, in turn, and says what to write into a recipe.
 */
import { formatBytes } from "../base/mod.ts";
import { resolveMicroBatch } from "../training/mod.ts";
import { type Engine, engineModule } from "../engine/mod.ts";
import type { JobSettings } from "../tests/support/pytorch/training_job.ts";
import { compete, type Measurement, ourWorker } from "./training_measurement.ts";

interface SizesReport {
  /** From the whole batch down. */
  readonly sizes: readonly (Measurement & { readonly microBatchSize: number })[];
  /** The size with the shortest step. */
  readonly fastest: number;
  /** What `microBatchSize: auto` takes. */
  readonly auto: number;
}

export async function measureSizes(settings: JobSettings, steps: number): Promise<SizesReport> {
  const { batchSize, config, threads } = settings;
  const { engine } = await import(engineModule(settings.engine)) as { engine: Engine };
  const divisors = Array.from({ length: batchSize }, (_, i) => batchSize - i)
    .filter((size) => batchSize % size === 0);
  const workers = Object.fromEntries(divisors.map((size) => [`${size}`, ourWorker(size)]));
  const measured = await compete(settings, steps, workers);
  const sizes = divisors.map((size) => ({
    microBatchSize: size,
    ...measured[`${size}`].measurement,
  }));
  const [fastest] = sizes.toSorted((a, b) => a.bestStepMs - b.bestStepMs);
  return {
    sizes,
    fastest: fastest.microBatchSize,
    auto: resolveMicroBatch({ microBatchSize: "auto", batchSize, config, engine, threads }),
  };
}

/** A line a size, and the line for a recipe. */
export function sizesText({ sizes, fastest, auto }: SizesReport): string {
  const [whole] = sizes;
  const rows = sizes.map(({ microBatchSize, bestStepMs, stepMs, bestCpuMs, peakBytes }) =>
    [
      `${microBatchSize} a micro-batch`.padEnd(20),
      `${bestStepMs.toFixed(1)} ms a step at best (median ${stepMs.toFixed(1)})`.padStart(44),
      `${bestCpuMs.toFixed(1)} ms of processors`.padStart(26),
      formatBytes(peakBytes).padStart(10),
      `  ${(whole.bestStepMs / bestStepMs).toFixed(2)} × as fast`,
    ].join("")
  );
  const isSame = fastest === auto ? ", as auto does" : ` (auto takes ${auto})`;
  return `${rows.join("\n")}\nwrite into the recipe: microBatchSize: ${fastest}${isSame}`;
}
