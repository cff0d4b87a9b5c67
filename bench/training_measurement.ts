/**
 * Measures training steps: a forward and backward pass and one AdamW update on one batch, beside Debian's PyTorch where it is
 * installed, on the same network, weights, batches and loss.
 *
 * Every competitor is a process of its own. They take a few steps in turn, so that a machine that is busy with other
 * things is busy for all. The first steps page memory in and are left out. FLOPs are those of the matrix products
 * (`flopsPerToken`). The peak is what the engine reaches on one large product; a step's share of it is taken by processors' time.
 */
import { fileURLToPath } from "node:url";
import { type Engine, engineModule } from "../engine/mod.ts";
import { countParameters, flopsPerToken } from "../model/mod.ts";
import { Competitor, type StepAnswer } from "../tests/support/pytorch/competitor.ts";
import { findPyTorch, script } from "../tests/support/pytorch/pytorch.ts";
import { type JobSettings, writeJob } from "../tests/support/pytorch/training_job.ts";
import { blasPeak, matrixPeak } from "./matrix_peak.ts";
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
  /** Time on processors of the median and the best step, all threads and the system's work for them: others change it little. */
  readonly cpuMs: number;
  readonly bestCpuMs: number;
  readonly gflopPerSecond: number;
  readonly peakBytes: number;
  /** Losses of the first step and the last. */
  readonly firstLossNats: number;
  readonly lastLossNats: number;
}

export type Report = Awaited<ReturnType<typeof measure>>;

/** Lets ours and the peers take steps in turn. */
export async function measure(settings: JobSettings, steps: number, withPeer: boolean) {
  const { config, batchSize, threads, precision = "fp32", products } = settings;
  const { engine } = await import(engineModule(settings.engine)) as { engine: Engine };
  const peer = withPeer ? await findPyTorch() : "not asked for";
  const pyTorch = (...options: string[]): Command => (job) => {
    const { python } = peer as Exclude<typeof peer, string>;
    return { name: "PyTorch", command: python, args: [script, job, ...options] };
  };
  const peers: Record<string, Command> = typeof peer === "string"
    ? {}
    : { fp32: pyTorch(), bf16: pyTorch("--bf16") };
  const found = await compete(settings, steps, { ours: ourWorker(), ...peers });
  const { ours, fp32, bf16 } = mapValues(found, ({ measurement }) => measurement);
  const peak = await matrixPeak(engine, { threads, precision, products });
  return {
    ...ours,
    updateMs: found.ours.updateMs,
    openMs: found.ours.openMs,
    matrixPeakGflopPerSecond: peak.perSecond,
    matrixPeakGflopPerCpuSecond: peak.perCpuSecond,
    shareOfMatrixPeak: gflopPerCpuSecond(ours, settings) / peak.perCpuSecond,
    config,
    batchSize,
    threads,
    engine: settings.engine,
    precision,
    steps,
    parameters: countParameters(config).total,
    processor: await processor(),
    peers: typeof peer === "string" ? { none: peer } : {
      pytorch: {
        name: "Debian's PyTorch",
        version: peer.version,
        blas: peer.blas,
        matrixPeakGflopPerCpuSecond: (await blasPeak(peer.python, threads)).perCpuSecond,
        fp32: { ...fp32, ratios: ratiosOf(ours, fp32) },
        bf16Autocast: { ...bf16, ratios: ratiosOf(ours, bf16) },
      },
    },
  };
}

/** What starts a competitor with a job's file. */
type Command = (job: string) => {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
};

/** Our engine in a process of its own. */
export function ourWorker(microBatchSize?: number): Command {
  const worker = fileURLToPath(new URL("./training_worker.ts", import.meta.url));
  const size = microBatchSize === undefined ? [] : [String(microBatchSize)];
  return (job) => ({
    name: "our engine",
    command: Deno.execPath(),
    args: ["run", "-A", "--quiet", worker, job, ...size],
  });
}

/** Lets processes take the steps of one job in turn. */
export async function compete(
  settings: JobSettings,
  steps: number,
  commands: Readonly<Record<string, Command>>,
) {
  const folder = await Deno.makeTempDir({ prefix: "dept-bench-" });
  const competitors: Record<string, Competitor> = {};
  try {
    const job = await writeJob(folder, settings);
    for (const [name, of] of Object.entries(commands)) {
      const { name: title, command, args } = of(job);
      competitors[name] = await Competitor.start(title, command, args);
    }
    const answers = await takeTurns(competitors, warmUpSteps + steps);
    return Object.fromEntries(
      Object.entries(answers).map(([name, own]) => [name, {
        measurement: summary(own, settings),
        updateMs: median(own.slice(warmUpSteps).map(({ updateMs }) => updateMs ?? 0)),
        openMs: competitors[name].greeting.openMs ?? 0,
      }]),
    );
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
  const used = answers.slice(warmUpSteps).map(({ cpuMs }) => cpuMs);
  const stepMs = median(measured);
  const tokens = batchSize * config.seqLen;
  return {
    tokensPerSecond: tokens / stepMs * 1000,
    stepMs,
    bestStepMs: Math.min(...measured),
    cpuMs: median(used),
    bestCpuMs: Math.min(...used),
    gflopPerSecond: flopsPerToken(config) * tokens / stepMs / 1e6,
    peakBytes: Math.max(...answers.map(({ peakBytes }) => peakBytes)),
    firstLossNats: answers[0].lossNats,
    lastLossNats: answers[answers.length - 1].lossNats,
  };
}

/** By the time on processors of the best step. */
function gflopPerCpuSecond(
  { bestCpuMs }: Measurement,
  { config, batchSize }: JobSettings,
): number {
  return flopsPerToken(config) * batchSize * config.seqLen / bestCpuMs / 1e6;
}

/** Ours over the peer's: speed by the median step, by the best one and by the least time on processors, and peak memory. */
function ratiosOf(ours: Measurement, peer: Measurement) {
  return {
    speed: peer.stepMs / ours.stepMs,
    bestSpeed: peer.bestStepMs / ours.bestStepMs,
    cpu: peer.bestCpuMs / ours.bestCpuMs,
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
