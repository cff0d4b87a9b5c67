/**
 * Measures training steps: a forward and backward pass and one AdamW update on one batch, beside Debian's PyTorch where it is
 * installed, on the same network, weights, batches and loss.
 *
 * Every competitor is a process of its own. They take a few steps in turn, so that a machine that is busy with other
 * things is busy for all. The first steps page memory in and are left out. FLOPs are those of the matrix products
 * (`flopsPerToken`). The peak is what the engine reaches on one large product.
 */
import { fileURLToPath } from "node:url";
import { type Engine, engineModule } from "../engine/mod.ts";
import { countParameters, flopsPerToken } from "../model/mod.ts";
import { Competitor, type StepAnswer } from "../tests/support/pytorch/competitor.ts";
import { findPyTorch, script } from "../tests/support/pytorch/pytorch.ts";
import { type JobSettings, writeJob } from "../tests/support/pytorch/training_job.ts";
import { matrixPeak } from "./matrix_peak.ts";
import { median } from "./timing.ts";

/** Steps before the measured ones. */
export const warmUpSteps = 3;
/** Steps one after the other, as in training: the first of a turn finds nothing of its own in the processor's caches. */
const stepsPerTurn = 4;
/** Before a turn: some libraries' threads wait in a loop for a while after their work, on the processor that the next one needs. */
const restMs = 300;

export interface Measurement {
  readonly tokensPerSecond: number;
  /** Median and best of the measured steps. */
  readonly stepMs: number;
  readonly bestStepMs: number;
  readonly gflopPerSecond: number;
  readonly peakBytes: number;
  /** Losses of the first step and the last. */
  readonly firstLossNats: number;
  readonly lastLossNats: number;
}

export type Report = Awaited<ReturnType<typeof measure>>;

/** Lets ours and the peers take steps in turn. */
export async function measure(settings: JobSettings, steps: number, withPeer: boolean) {
  const { config, batchSize, threads } = settings;
  const { engine } = await import(engineModule(settings.engine)) as { engine: Engine };
  const folder = await Deno.makeTempDir({ prefix: "dept-bench-" });
  const competitors: Record<string, Competitor> = {};
  try {
    const job = await writeJob(folder, settings);
    const worker = fileURLToPath(new URL("./training_worker.ts", import.meta.url));
    const run = ["run", "-A", "--quiet", worker, job];
    competitors.ours = await Competitor.start("our engine", Deno.execPath(), run);
    const peer = withPeer ? await findPyTorch() : "not asked for";
    if (typeof peer !== "string") {
      competitors.fp32 = await Competitor.start("PyTorch", peer.python, [script, job]);
      competitors.bf16 = await Competitor.start("PyTorch", peer.python, [script, job, "--bf16"]);
    }
    const answers = await takeTurns(competitors, warmUpSteps + steps);
    const { ours, fp32, bf16 } = mapValues(answers, (own) => summary(own, settings));
    const peak = await matrixPeak(engine, threads);
    const updates = answers.ours.slice(warmUpSteps).map(({ updateMs }) => updateMs!);
    return {
      ...ours,
      updateMs: median(updates),
      openMs: competitors.ours.greeting.openMs!,
      matrixPeakGflopPerSecond: peak,
      shareOfMatrixPeak: ours.gflopPerSecond / peak,
      config,
      batchSize,
      threads,
      engine: settings.engine,
      steps,
      parameters: countParameters(config).total,
      processor: await processor(),
      peers: typeof peer === "string" ? { none: peer } : {
        pytorch: {
          name: "Debian's PyTorch",
          version: peer.version,
          blas: peer.blas,
          fp32: { ...fp32, ratios: ratiosOf(ours, fp32) },
          bf16Autocast: { ...bf16, ratios: ratiosOf(ours, bf16) },
        },
      },
    };
  } finally {
    for (const competitor of Object.values(competitors)) await competitor.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

async function takeTurns(
  competitors: Readonly<Record<string, Competitor>>,
  steps: number,
): Promise<Record<string, StepAnswer[]>> {
  const answers: Record<string, StepAnswer[]> = mapValues(competitors, () => []);
  for (let from = 0; from < steps; from += stepsPerTurn) {
    for (const [name, competitor] of Object.entries(competitors)) {
      await new Promise((resolve) => setTimeout(resolve, restMs));
      for (let step = from; step < Math.min(from + stepsPerTurn, steps); step++) {
        answers[name].push(await competitor.step());
      }
    }
  }
  return answers;
}

function summary(answers: readonly StepAnswer[], { config, batchSize }: JobSettings): Measurement {
  const measured = answers.slice(warmUpSteps).map(({ stepMs }) => stepMs);
  const stepMs = median(measured);
  const tokens = batchSize * config.seqLen;
  return {
    tokensPerSecond: tokens / stepMs * 1000,
    stepMs,
    bestStepMs: Math.min(...measured),
    gflopPerSecond: flopsPerToken(config) * tokens / stepMs / 1e6,
    peakBytes: Math.max(...answers.map(({ peakBytes }) => peakBytes)),
    firstLossNats: answers[0].lossNats,
    lastLossNats: answers[answers.length - 1].lossNats,
  };
}

/** Ours over the peer's: speed by the median step and by the best one, and peak memory. */
function ratiosOf(ours: Measurement, peer: Measurement) {
  return {
    speed: peer.stepMs / ours.stepMs,
    bestSpeed: peer.bestStepMs / ours.bestStepMs,
    memory: ours.peakBytes / peer.peakBytes,
  };
}

/** The processor's name and its vector instructions. */
async function processor(): Promise<{ readonly name: string; readonly flags: readonly string[] }> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const field = (name: string) => new RegExp(`^${name}\\s*:\\s*(.*)$`, "m").exec(text)?.[1] ?? "";
  const flags = field("flags").split(" ").filter((flag) => /^(avx|amx|fma|f16c|sse4)/.test(flag));
  return { name: field("model name") || Deno.build.arch, flags };
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
