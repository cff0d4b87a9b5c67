/**
 * What monitors cost: steps with and without them.
 *
 *     deno task bench monitors [--every 10] [--rounds 6] [--threads N] [--engine cpu] [--json]
 *
 * A round is `--every` steps of the network of 4 × 256, so that one step in it is looked into. Processor time is what other
 * programs on the machine disturb less.
 */
import { parseArgs } from "node:util";
import { Random, seedOf, UsageError } from "../base/mod.ts";
import { languageModelGraph, withActivationNorms } from "../model/mod.ts";
import { startTraining, trainOnRandom } from "../tests/support/training_steps.ts";
import { timeTasks } from "./timing.ts";
import { shapes } from "./training_shapes.ts";

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      every: { type: "string", default: "10" },
      rounds: { type: "string", default: "6" },
      threads: { type: "string", default: String(navigator.hardwareConcurrency) },
      engine: { type: "string", default: "cpu" },
      json: { type: "boolean", default: false },
    },
  });
  const [everySteps, rounds, threads] = [values.every, values.rounds, values.threads].map(Number);
  if (![everySteps, rounds, threads].every((value) => Number.isInteger(value) && value > 0)) {
    throw new UsageError("Cannot measure monitors: expected whole numbers of 1 or more");
  }
  const [shape] = shapes;
  const { config, batchSize } = shape;
  const settings = { engine: values.engine, threads };
  const network = languageModelGraph(config, batchSize);
  const plain = await startTraining(network, config, settings);
  const monitored = await startTraining(withActivationNorms(network), config, settings);
  const random = new Random(seedOf(1, "bench/monitors"));
  const monitor = { everySteps, note() {} };
  const times = await timeTasks({
    without: () => trainOnRandom(plain, shape, everySteps, random, {}),
    with: () => trainOnRandom(monitored, shape, everySteps, random, { monitor }),
  }, { iterations: rounds, warmUps: 1 });
  await plain.dispose();
  await monitored.dispose();
  const report = {
    share: times.with.seconds / times.without.seconds - 1,
    processorShare: times.with.cpuSeconds / times.without.cpuSeconds - 1,
    stepMs: [times.without, times.with].map(({ seconds }) => 1000 * seconds / everySteps),
    everySteps,
  };
  if (values.json) return console.log(JSON.stringify(report));
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  const [without, withThem] = report.stepMs.map((ms) => ms.toFixed(1));
  console.log(
    `monitors every ${everySteps} steps: ${percent(report.share)} by the clock ` +
      `(${without} to ${withThem} ms a step), ${percent(report.processorShare)} of processor time`,
  );
}
