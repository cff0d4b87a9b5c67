/**
 * What monitors cost: steps with and without them, in turns in one process.
 *
 *     deno task bench monitors [--layers 4 --width 256 --heads 4 --vocab 8192 --context 256 --batch 8]
 *         [--every 10] [--rounds 6] [--threads N] [--engine cpu] [--json]
 *
 * A round is `--every` steps of each, so that one in it is looked into. Ratios are of the medians over rounds, by the clock and
 * by processor time, which others on the machine disturb less.
 */
import { cpuUsage } from "node:process";
import { parseArgs } from "node:util";
import { languageModelGraph, type ModelConfig, withActivationNorms } from "../model/mod.ts";
import { Random, seedOf, UsageError } from "../base/mod.ts";
import { median } from "./median.ts";
import { startTraining, trainOnRandom } from "./training_steps.ts";

export interface MonitorReport {
  /** Time with monitors over time without, less 1. */
  readonly share: number;
  readonly processorShare: number;
  /** Milliseconds a step, without and with. */
  readonly stepMs: readonly [number, number];
  readonly everySteps: number;
}

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
      every: { type: "string", default: "10" },
      rounds: { type: "string", default: "6" },
      threads: { type: "string", default: String(navigator.hardwareConcurrency) },
      engine: { type: "string", default: "cpu" },
      json: { type: "boolean", default: false },
    },
  });
  const whole = (name: Exclude<keyof typeof values, "engine" | "json">) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value > 0) return value;
    throw new UsageError(
      `Cannot measure monitors: expected --${name} to be a whole number of 1 or more, ` +
        `found "${values[name]}"`,
    );
  };
  const report = await measureMonitors({
    config: {
      nLayers: whole("layers"),
      dModel: whole("width"),
      nHeads: whole("heads"),
      expansion: 4,
      seqLen: whole("context"),
      vocabSize: whole("vocab"),
      positions: "alibi",
      bias: true,
    },
    batchSize: whole("batch"),
    everySteps: whole("every"),
    rounds: whole("rounds"),
    threads: whole("threads"),
    engine: values.engine,
  });
  if (values.json) return console.log(JSON.stringify(report));
  const { share, processorShare, stepMs: [without, withThem], everySteps } = report;
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  console.log(
    `monitors every ${everySteps} steps: ${percent(share)} by the clock ` +
      `(${without.toFixed(1)} to ${withThem.toFixed(1)} ms a step), ` +
      `${percent(processorShare)} of processor time`,
  );
}

export async function measureMonitors(
  settings: {
    readonly config: ModelConfig;
    readonly batchSize: number;
    readonly everySteps: number;
    readonly rounds: number;
    readonly threads: number;
    readonly engine: string;
  },
): Promise<MonitorReport> {
  const { config, batchSize, everySteps, rounds } = settings;
  const network = languageModelGraph(config, batchSize);
  const sides = [];
  for (const graph of [network, withActivationNorms(network)]) {
    const program = await startTraining(graph, config, settings);
    const [clock, processor]: number[][] = [[], []];
    sides.push({ program, isMonitored: graph !== network, clock, processor });
  }
  const random = new Random(seedOf(1, "bench/monitors"));
  for (let round = -1; round < rounds; round++) { // the first is not counted: memory is new
    for (const { program, isMonitored, clock, processor } of sides) {
      const [startedAt, used] = [performance.now(), cpuUsage()];
      const monitor = isMonitored ? { everySteps, note() {} } : undefined;
      await trainOnRandom(program, settings, everySteps, random, { monitor });
      if (round < 0) continue;
      const { user, system } = cpuUsage(used);
      clock.push(performance.now() - startedAt);
      processor.push((user + system) / 1000);
    }
  }
  for (const { program } of sides) await program.dispose();
  const [without, withThem] = sides;
  return {
    share: median(withThem.clock) / median(without.clock) - 1,
    processorShare: median(withThem.processor) / median(without.processor) - 1,
    stepMs: [median(without.clock) / everySteps, median(withThem.clock) / everySteps],
    everySteps,
  };
}
