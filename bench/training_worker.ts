/**
 * Trains as a job says, in a process of its own so that peak memory is its own: each line on standard input asks for one
 * step, answered by one JSON line. The second argument is the size of a micro-batch, default the batch. `tests/support/pytorch/train.py` is its counterpart.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { type Engine, engineModule } from "../engine/mod.ts";
import { differentiate, languageModelGraph } from "../model/mod.ts";
import { peakBytes } from "../tests/support/process_memory.ts";
import { readBatches, readJob, readWeights } from "../tests/support/pytorch/training_job.ts";

const job = await readJob(Deno.args[0]);
const { engine } = await import(engineModule(job.engine)) as { engine: Engine };
const { threads, precision, products, optimizer, batchSize, config: { seqLen } } = job;
const microBatchSize = Number(Deno.args[1] ?? batchSize);
const opened = performance.now();
const program = await engine.compileTraining(
  differentiate(languageModelGraph(job.config, microBatchSize)),
  { threads, precision, products, optimizer },
);
const openMs = performance.now() - opened;
await readWeights(job, (name, data) => program.write({ [name]: data }));
const batches = await readBatches(job);
console.log(JSON.stringify({ openMs }));

let step = 0;
for await (const _ of createInterface({ input: process.stdin })) {
  const before = process.cpuUsage();
  const started = performance.now();
  const { tokens, targets, weights } = batches[step++ % batches.length];
  const count = microBatchSize * seqLen;
  let lossNats = 0;
  for (let at = 0; at < tokens.length; at += count) {
    const [own, next] = [tokens, targets].map((ids) => ids.subarray(at, at + count));
    const feeds = { tokens: own, targets: next, weights: weights.subarray(at, at + count) };
    lossNats += (await program.accumulate(feeds)).loss[0];
  }
  const accumulated = performance.now();
  const { gradientNorm } = await program.update(job);
  const ended = performance.now();
  const used = process.cpuUsage(before);
  console.log(JSON.stringify({
    stepMs: ended - started,
    updateMs: ended - accumulated,
    cpuMs: (used.user + used.system) / 1000,
    lossNats,
    gradientNorm,
    peakBytes: peakBytes(),
  }));
}
await program.dispose();
