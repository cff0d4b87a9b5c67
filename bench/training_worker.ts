/**
 * Trains as a job says, in a process of its own so that peak memory is its own: each line on standard input asks for one
 * step, answered by one JSON line. `bench/peers/pytorch_train.py` is its counterpart.
 */
import { TextLineStream } from "./lines.ts";
import { readBatches, readJob, readWeights } from "./training_job.ts";
import { type Engine, engineModule } from "../engine/mod.ts";
import { differentiate, languageModelGraph } from "../model/mod.ts";

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
console.log(JSON.stringify({ version: engine.name, libraries: [], openMs }));

let step = 0;
for await (const _ of Deno.stdin.readable.pipeThrough(new TextLineStream())) {
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
    peakBytes: await peakBytes(),
  }));
}
await program.dispose();

/** Most memory that was resident, from Linux; elsewhere what is resident now. */
async function peakBytes(): Promise<number> {
  const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
  const kilobytes = /^VmHWM:\s*(\d+) kB/m.exec(status)?.[1];
  return kilobytes === undefined ? Deno.memoryUsage().rss : 1024 * Number(kilobytes);
}
