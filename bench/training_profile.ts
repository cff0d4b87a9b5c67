/**
 * Where the time of a training step goes, and what a checkpoint adds to it: steps as a stage takes them, on random text.
 */
import { type Engine, engineModule } from "../engine/mod.ts";
import {
  differentiate,
  initialiseBody,
  initialiseTable,
  languageModelGraph,
  parameterShapes,
} from "../model/mod.ts";
import { formatDuration, Random, seedOf } from "../pipeline/base/mod.ts";
import { silentLog } from "../pipeline/stage.ts";
import {
  CheckpointPace,
  CheckpointStore,
  emptyRecord,
  momentTensors,
  PhaseClock,
  readTensors,
  trainSteps,
} from "../training/mod.ts";
import type { JobSettings } from "./training_job.ts";

export interface TrainingProfile {
  /** Milliseconds of one step, by phase. */
  readonly stepMs: Readonly<Record<string, number>>;
  readonly checkpointMs: number;
  /** Milliseconds from one to the next with `checkpointEverySteps: auto`. */
  readonly checkpointEveryMs: number;
  /** Of all time. */
  readonly checkpointShare: number;
}

/** Takes a few steps unseen, then `steps` by the clock and one checkpoint. */
export async function profile(
  { config, batchSize, threads, engine: name }: JobSettings,
  steps: number,
): Promise<TrainingProfile> {
  const { engine } = await import(engineModule(name)) as { engine: Engine };
  const program = await engine.compileTraining(
    differentiate(languageModelGraph(config, batchSize)),
    {
      threads,
      precision: "fp32",
      optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
    },
  );
  const folder = await Deno.makeTempDir({ prefix: "dept-bench-" });
  try {
    await program.write(initialiseBody(config, seedOf(1, "init/body")));
    for (const [parameter, [rows]] of Object.entries(parameterShapes(config))) {
      if (!parameter.startsWith("embedding.")) continue;
      const table = initialiseTable(rows, config.dModel, seedOf(1, parameter));
      await program.write({ [parameter]: table });
    }
    const random = new Random(seedOf(1, "bench/profile"));
    const train = (count: number, clock: PhaseClock) =>
      trainSteps({
        program,
        windows: {
          next: () =>
            Int32Array.from({ length: config.seqLen }, () => random.below(config.vocabSize)),
          position: 0,
          seek() {},
        },
        record: emptyRecord(0),
        to: count,
        learningRate: () => 1e-3,
        batchSize,
        microBatchSize: batchSize,
        seqLen: config.seqLen,
        clipNorm: 1,
        clock,
        name: "profile",
        rateKey: "rate",
        totalSteps: count,
        stepsBefore: 0,
        log: silentLog,
        signal: new AbortController().signal,
      });
    await train(3, new PhaseClock());
    const clock = new PhaseClock();
    await train(steps, clock);
    const totals = clock.totals();
    const store = new CheckpointStore(folder);
    const pace = new CheckpointPace("auto");
    const started = performance.now();
    await pace.write(async () => {
      const { moments } = await program.readOptimizer();
      store.write({
        groups: { current: await readTensors(program), optimizer: momentTensors(moments) },
        state: {},
      });
    });
    const checkpointMs = performance.now() - started;
    const checkpointEveryMs = checkpointMs + pace.waitMs;
    const stepMs = Object.fromEntries(
      Object.entries(totals).map(([phase, ms]) => [phase, ms / steps]),
    );
    const checkpointShare = checkpointMs / checkpointEveryMs;
    return { stepMs, checkpointMs, checkpointEveryMs, checkpointShare };
  } finally {
    await program.dispose();
    await Deno.remove(folder, { recursive: true });
  }
}

/** `phases of a step: forwardBackward 210 ms (85.1 %) …; a checkpoint: 120 ms, one every 10.1 s: 1.2 % of the time`. */
export function profileText(
  { stepMs, checkpointMs, checkpointEveryMs, checkpointShare }: TrainingProfile,
): string {
  const total = Object.values(stepMs).reduce((sum, ms) => sum + ms, 0);
  const phases = Object.entries(stepMs).filter(([, ms]) => ms > 0.001)
    .map(([phase, ms]) => `${phase} ${ms.toFixed(2)} ms (${(100 * ms / total).toFixed(1)} %)`);
  return `phases of a step: ${phases.join("  ")}\na checkpoint: ${
    formatDuration(checkpointMs)
  }, one every ${formatDuration(checkpointEveryMs)}: ${
    (100 * checkpointShare).toFixed(2)
  } % of the time`;
}
