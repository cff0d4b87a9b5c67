/**
 * Trains as a job says, in a process of its own so that peak memory is its own: each line on standard input asks for one
 * step, answered by one JSON line. `tests/support/pytorch/train.py` is its counterpart.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { type Engine, engineModule } from "../engine/mod.ts";
import { differentiate, languageModelGraph } from "../model/mod.ts";
import { peakBytes } from "../tests/support/process_memory.ts";
import { readBatches, readJob, readWeights } from "../tests/support/pytorch/training_job.ts";

const job = await readJob(Deno.args[0]);
const { engine } = await import(engineModule(job.engine)) as { engine: Engine };
const { threads, optimizer } = job;
const opened = performance.now();
const program = await engine.compileTraining(
  differentiate(languageModelGraph(job.config, job.batchSize)),
  { threads, precision: "fp32", optimizer },
);
const openMs = performance.now() - opened;
await readWeights(job, (name, data) => program.write({ [name]: data }));
const batches = await readBatches(job);
console.log(JSON.stringify({ openMs }));

let step = 0;
for await (const _ of createInterface({ input: process.stdin })) {
  const started = performance.now();
  const { loss } = await program.accumulate(batches[step++ % batches.length]);
  const accumulated = performance.now();
  const { gradientNorm } = await program.update(job);
  const ended = performance.now();
  console.log(JSON.stringify({
    stepMs: ended - started,
    updateMs: ended - accumulated,
    lossNats: loss[0],
    gradientNorm,
    peakBytes: peakBytes(),
  }));
}
await program.dispose();
