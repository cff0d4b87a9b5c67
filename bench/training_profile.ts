/**
 * Where the time of a training step goes, and what a checkpoint adds to it: steps as a stage takes them, on random text.
 */
import { languageModelGraph } from "../model/mod.ts";
import { formatDuration, Random, seedOf } from "../base/mod.ts";
import {
  CheckpointPace,
  CheckpointStore,
  PhaseClock,
  readOptimizer,
  readTensors,
} from "../training/mod.ts";
import { startTraining, trainOnRandom } from "../tests/support/training_steps.ts";
import type { JobSettings } from "../tests/support/pytorch/training_job.ts";

interface TrainingProfile {
  /** Milliseconds of one step, by phase. */
  readonly stepMs: Readonly<Record<string, number>>;
  readonly checkpointMs: number;
  /** Milliseconds from one to the next with `checkpointEverySteps: auto`. */
  readonly checkpointEveryMs: number;
  /** Of all time. */
  readonly checkpointShare: number;
}

/** Takes a few steps unseen, then `steps` by the clock and one checkpoint. */
export async function profile(settings: JobSettings, steps: number): Promise<TrainingProfile> {
  const { config, batchSize } = settings;
  const program = await startTraining(languageModelGraph(config, batchSize), config, settings);
  const folder = await Deno.makeTempDir({ prefix: "dept-bench-" });
  try {
    const random = new Random(seedOf(1, "bench/profile"));
    const train = (count: number, clock: PhaseClock) =>
      trainOnRandom(program, settings, count, random, { clock });
    await train(3, new PhaseClock());
    const clock = new PhaseClock();
    await train(steps, clock);
    const totals = clock.totals();
    const store = new CheckpointStore(folder);
    const pace = new CheckpointPace("auto");
    const started = performance.now();
    await pace.write(async () => {
      const { moments } = await readOptimizer(program);
      store.write({
        groups: { current: await readTensors(program), optimizer: moments },
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
