/** Measures training, see `training_measurement.ts`: `deno task bench train [--layers 4 --width 256 …]`, or `--all`. */
import { parseArgs } from "node:util";
import { formatBytes, formatCount, formatDuration, UsageError } from "../base/mod.ts";
import { type EngineOptions, engineRow } from "../engine/mod.ts";
import { type ModelConfig, validateConfig } from "../model/mod.ts";
import type { JobSettings } from "../tests/support/pytorch/training_job.ts";
import { measure, type Measurement, type Report, warmUpSteps } from "./training_measurement.ts";
import { profile, profileText } from "./training_profile.ts";
import { type Shape, shapes } from "./training_shapes.ts";
import { measureSizes, sizesText } from "./training_sizes.ts";

const help = `Measures training steps, beside Debian's PyTorch when it is installed.

  deno task bench train [options]

  --layers 4  --width 256  --heads 4  --vocab 8192  --context 256   the network
  --no-bias       without biases
  --positions alibi|learned
  --batch 8       sequences a step
  --steps 20      measured steps, after ${warmUpSteps} that are not
  --threads N     default 2
  --engine cpu    an engine's name
  --precision fp32, and where the engine has them tf32, bf16, fp16
  --products      who multiplies in tf32 and bf16: cublaslt (the default), own
  --no-peer       ours alone
  --sizes         a step with each size of micro-batch, and what to write into a recipe
  --profile       where the time of a step goes, and what checkpoints cost
  --all           the networks of docs/speed.md, without biases, and the largest that has to fit
  --json          one object: tokensPerSecond first, the peers under "peers"; with --all a list`;

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
      precision: { type: "string", default: "fp32" },
      products: { type: "string" },
      positions: { type: "string", default: "alibi" },
      "no-bias": { type: "boolean", default: false },
      "no-peer": { type: "boolean", default: false },
      sizes: { type: "boolean", default: false },
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
  const config: ModelConfig = {
    nLayers: whole("layers"),
    dModel: whole("width"),
    nHeads: whole("heads"),
    expansion: 4,
    seqLen: whole("context"),
    vocabSize: whole("vocab"),
    positions: values.positions as ModelConfig["positions"],
    bias: !values["no-bias"],
  };
  try {
    validateConfig(config);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
  const used = {
    threads: whole("threads"),
    engine: values.engine,
    ...precisionOf(values),
  };
  const asked: Shape = { config, batchSize: whole("batch"), steps: whole("steps") };
  if (values.sizes) {
    const settings = { ...asked, ...used };
    const report = await measureSizes(settings, asked.steps);
    if (values.json) return console.log(JSON.stringify(report));
    return console.log(`${titleOf(asked)}, ${settings.threads} threads\n${sizesText(report)}`);
  }
  const reports = [];
  for (const shape of values.all ? shapes : [asked]) {
    const { maxBytes, steps } = shape;
    const settings = { ...shape, ...used };
    const report = await measure(settings, steps, !values["no-peer"] && maxBytes === undefined);
    const isProfiled = values.profile || values.all && maxBytes === undefined;
    const phases = isProfiled ? await profile(settings, Math.min(steps, 8)) : undefined;
    reports.push(values.all ? { title: titleOf(shape), report, phases } : { ...report, phases });
    if (values.json) continue;
    console.log(textOf(report, shape) + (phases === undefined ? "" : `\n${profileText(phases)}`));
    if (values.all) console.log();
  }
  if (values.json) console.log(JSON.stringify(values.all ? reports : reports[0]));
}

/** @throws UsageError for what the engine does not have. */
function precisionOf(
  { engine, precision, products }: {
    readonly engine: string;
    readonly precision: string;
    readonly products?: string;
  },
): Pick<EngineOptions, "precision" | "products"> {
  const row = engineRow(engine);
  const one = <Name extends string>(option: string, known: readonly Name[], given: string) => {
    const found = known.find((name) => name === given);
    if (found !== undefined) return found;
    const expected = known.length === 0 ? "absent" : `one of ${known.join(", ")}`;
    throw new UsageError(
      `Cannot measure training: expected --${option} to be ${expected} with --engine ${engine}, found "${given}"`,
    );
  };
  return {
    precision: one("precision", row.precisions, precision),
    products: products === undefined ? undefined : one("products", row.products ?? [], products),
  };
}

type Ratios = Readonly<Record<"speed" | "bestSpeed" | "cpu" | "memory", number>>;

function textOf(report: Report, { goals, maxBytes }: Shape): string {
  const { peers, processor } = report;
  const peer = peers.pytorch;
  const rows: [string, Measurement, Ratios?, number?][] = [[
    `ours (${report.engine}, ${report.precision})`,
    report,
  ]];
  if (peer !== undefined) {
    rows.push(["PyTorch fp32", peer.fp32, peer.fp32.ratios, goals?.fp32]);
    rows.push([
      "PyTorch bf16 autocast",
      peer.bf16Autocast,
      peer.bf16Autocast.ratios,
      goals?.bf16,
    ]);
  }
  const table = rows.map(([name, one, ratios, goal]) => {
    const text = [
      name.padEnd(22),
      `${one.tokensPerSecond.toFixed(0)} tokens/s`.padStart(16),
      `${one.stepMs.toFixed(1)} ms a step (best ${one.bestStepMs.toFixed(1)})`.padStart(34),
      `${one.bestCpuMs.toFixed(0)} ms of processors`.padStart(24),
      `${one.gflopPerSecond.toFixed(0)} GFLOP/s`.padStart(14),
      formatBytes(one.peakBytes).padStart(9),
      ` loss ${one.firstLossNats.toFixed(4)} → ${one.lastLossNats.toFixed(4)}`,
    ].join("");
    if (ratios === undefined) return text;
    const expected = goal === undefined ? "" : `, at least ${goal} × expected`;
    return `${text}\n${"".padEnd(22)} ours is ${ratios.speed.toFixed(2)} × as fast ` +
      `(best ${ratios.bestSpeed.toFixed(2)} ×${expected}; by processors' time ${
        ratios.cpu.toFixed(2)
      } ×), with ${ratios.memory.toFixed(2)} × the memory`;
  });
  const limit = maxBytes ?? (goals && peer && goals.memory * peer.fp32.peakBytes);
  return [
    `${titleOf(report)}: ${formatCount(report.parameters)} parameters, ${report.threads} threads`,
    `${processor.name}: ${processor.flags.join(" ")}`,
    peer === undefined
      ? `peer: ${peers.none}`
      : `peer: ${peer.name} ${peer.version}, BLAS ${peer.blas}`,
    ...table,
    `ours: update ${report.updateMs.toFixed(1)} ms of a step, compiled in ${
      formatDuration(report.openMs)
    }, ${(100 * report.shareOfMatrixPeak).toFixed(0)} % of the peak of matrix products (${
      report.matrixPeakGflopPerCpuSecond.toFixed(0)
    } GFLOP a second of a processor${
      peer === undefined ? "" : `, PyTorch's BLAS ${peer.matrixPeakGflopPerCpuSecond.toFixed(0)}`
    })` + (limit === undefined ? "" : `; memory: at most ${formatBytes(limit)} expected`),
  ].join("\n");
}

function titleOf({ config, batchSize }: Pick<JobSettings, "config" | "batchSize">): string {
  const { nLayers, dModel, nHeads, vocabSize, seqLen, bias } = config;
  const network = `${nLayers} × ${dModel}, ${nHeads} heads, V ${vocabSize}`;
  return `${network}${bias ? "" : ", no biases"}, ${batchSize} × ${seqLen} tokens a step`;
}
