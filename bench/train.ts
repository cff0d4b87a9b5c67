/**
 * Measures training: a forward and backward pass and one AdamW update on one batch, beside Debian's PyTorch where it is
 * installed, on the same network, weights, batches and loss.
 *
 *     deno task bench train [--layers 4] [--width 256] [--heads 4] [--vocab 8192] [--context 256] [--batch 8]
 *                           [--steps 20] [--no-bias] [--threads 2] [--engine cpu] [--no-peer] [--profile] [--json]
 *     deno task bench train --all
 *
 * Every competitor is a process of its own. They take a few steps in turn, so that a machine that is busy with other
 * things is busy for all; the first steps page memory in and are left out. FLOPs are those of the matrix products
 * (`flopsPerToken`); the peak is what ONNX Runtime reaches on one large product.
 */
import { parseArgs } from "node:util";
import { type Engine, engineModule } from "../engine/mod.ts";
import { countParameters, flopsPerToken, type ModelConfig, validateConfig } from "../model/mod.ts";
import { formatBytes, formatCount, UsageError } from "../base/mod.ts";
import { Competitor, type StepAnswer } from "./competitor.ts";
import { matrixPeak } from "./matrix_peak.ts";
import { findPyTorch, script } from "./pytorch.ts";
import { type JobSettings, writeJob } from "./training_job.ts";
import { profile, profileText } from "./training_profile.ts";

/** Steps before the measured ones. */
const warmUpSteps = 3;
/** Steps one after the other, as in training: the first of a turn finds nothing of its own in the processor's caches. */
const stepsPerTurn = 4;
/** Before a turn: some libraries' threads wait in a loop for a while after their work, on the processor that the next one needs. */
const restMs = 300;

const help = `Measures training steps, beside Debian's PyTorch when it is installed.

  deno task bench train [options]

  --layers 4  --width 256  --heads 4  --vocab 8192  --context 256   the network
  --no-bias       without biases
  --positions alibi|learned
  --batch 8       sequences a step
  --steps 20      measured steps, after ${warmUpSteps} that are not
  --threads N     default 2
  --engine cpu    an engine's name
  --no-peer       ours alone
  --profile       where the time of a step goes, and what checkpoints cost
  --all           the two networks of the README, without biases, in one table, and the largest that has to fit
  --json          one object: tokensPerSecond first, the peers under "peers"`;

interface Measurement {
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

/** Runs the benchmark as the command line asks for it. @throws UsageError for options that make no sense. */
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      layers: { type: "string", default: "4" },
      width: { type: "string", default: "256" },
      heads: { type: "string", default: "4" },
      vocab: { type: "string", default: "8192" },
      context: { type: "string", default: "256" },
      batch: { type: "string", default: "8" },
      steps: { type: "string", default: "20" },
      threads: { type: "string", default: "2" },
      engine: { type: "string", default: "cpu" },
      positions: { type: "string", default: "alibi" },
      "no-bias": { type: "boolean", default: false },
      "no-peer": { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      all: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return console.log(help);
  const whole = (
    option: "layers" | "width" | "heads" | "vocab" | "context" | "batch" | "steps" | "threads",
  ) => {
    const value = Number(values[option]);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new UsageError(
      `Cannot measure training: expected --${option} to be a whole number of 1 or more, found "${
        values[option]
      }"`,
    );
  };
  const settings: JobSettings = {
    config: {
      nLayers: whole("layers"),
      dModel: whole("width"),
      nHeads: whole("heads"),
      expansion: 4,
      seqLen: whole("context"),
      vocabSize: whole("vocab"),
      positions: values.positions as ModelConfig["positions"],
      bias: !values["no-bias"],
    },
    batchSize: whole("batch"),
    threads: whole("threads"),
    engine: values.engine,
  };
  if (values.all) {
    const { measureAll, textOfAll } = await import("./training_shapes.ts");
    const reports = await measureAll(settings, !values["no-peer"]);
    return console.log(values.json ? JSON.stringify(reports) : textOfAll(reports));
  }
  try {
    validateConfig(settings.config);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
  const report = await measure(settings, whole("steps"), !values["no-peer"]);
  const phases = values.profile ? await profile(settings, whole("steps")) : undefined;
  if (values.json) return console.log(JSON.stringify({ ...report, phases }));
  console.log(textOf(report) + (phases === undefined ? "" : `\n${profileText(phases)}`));
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
    const worker = new URL("./training_worker.ts", import.meta.url).href;
    competitors.ours = await Competitor.start("our engine", Deno.execPath(), [
      "run",
      "-A",
      "--quiet",
      worker,
      job,
    ]);
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
      updateMs: medianOf(updates),
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
  const stepMs = medianOf(measured);
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

function textOf(report: Report): string {
  const { config, peers, processor } = report;
  const { nLayers, dModel, nHeads, vocabSize, seqLen, bias } = config;
  const peer = "pytorch" in peers ? peers.pytorch : undefined;
  const rows: [string, Measurement, ReturnType<typeof ratiosOf>?][] = [
    [`ours (${report.engine})`, report],
    ...(peer === undefined ? [] : [
      ["PyTorch fp32", peer.fp32 as Measurement, peer.fp32.ratios],
      ["PyTorch bf16 autocast", peer.bf16Autocast as Measurement, peer.bf16Autocast.ratios],
    ] as [string, Measurement, ReturnType<typeof ratiosOf>][]),
  ];
  const cells = [
    [
      "",
      "tokens/s",
      "step ms",
      "best ms",
      "GFLOP/s",
      "peak memory",
      "ours is",
      "loss, first to last",
    ],
    ...rows.map(([name, one, ratios]) => [
      name,
      one.tokensPerSecond.toFixed(0),
      one.stepMs.toFixed(1),
      one.bestStepMs.toFixed(1),
      one.gflopPerSecond.toFixed(0),
      formatBytes(one.peakBytes),
      ratios ? `${ratios.speed.toFixed(2)} × (best ${ratios.bestSpeed.toFixed(2)} ×)` : "",
      `${one.firstLossNats.toFixed(4)} → ${one.lastLossNats.toFixed(4)}`,
    ]),
  ];
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return [
    `${nLayers} × ${dModel}, ${nHeads} heads, V ${vocabSize}${bias ? "" : ", no biases"}: ${
      formatCount(report.parameters)
    } parameters, ${report.batchSize} × ${seqLen} tokens a step, ${report.threads} threads`,
    `${processor.name}: ${processor.flags.join(" ")}`,
    peer === undefined
      ? `peer: ${(peers as { none: string }).none}`
      : `peer: ${peer.name} ${peer.version}, BLAS ${peer.blas}`,
    "",
    ...cells.map((row) =>
      row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])
      )
        .join("  ").trimEnd()
    ),
    "",
    `ours: update ${report.updateMs.toFixed(1)} ms of a step, compiled in ${
      report.openMs.toFixed(0)
    } ms, ${(100 * report.shareOfMatrixPeak).toFixed(0)} % of the peak of matrix products (${
      report.matrixPeakGflopPerSecond.toFixed(0)
    } GFLOP/s)`,
  ].join("\n");
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

if (import.meta.main) await main(Deno.args);
