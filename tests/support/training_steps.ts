/** Training in this process, on random text from the first weights: what measurements of single parts of it share. */
import { type Engine, engineModule, type TrainingProgram } from "../../engine/mod.ts";
import {
  differentiate,
  type Graph,
  initialiseBody,
  initialiseTable,
  type ModelConfig,
  parameterShapes,
} from "../../model/mod.ts";
import { type Random, seedOf } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { emptyRecord, type GuardSettings, PhaseClock, trainSteps } from "../../training/mod.ts";

/** A program for a network's graph, with the first weights of a configuration. */
export async function startTraining(
  graph: Graph,
  config: ModelConfig,
  { engine: name, threads }: { readonly engine: string; readonly threads: number },
): Promise<TrainingProgram> {
  const { engine } = await import(engineModule(name)) as { engine: Engine };
  const program = await engine.compileTraining(differentiate(graph), {
    threads,
    precision: "fp32",
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
  });
  await program.write(initialiseBody(config, seedOf(1, "init/body")));
  for (const [parameter, [rows]] of Object.entries(parameterShapes(config))) {
    if (!parameter.startsWith("embedding.")) continue;
    const table = initialiseTable(rows, config.dModel, seedOf(1, parameter));
    await program.write({ [parameter]: table });
  }
  return program;
}

/** Stops at what is not finite, looks for no spikes. */
export const stopping: GuardSettings = {
  nonFinite: "stop",
  spike: "stop",
  spikeNats: null,
  spikeWindow: 1,
  lowerFactor: 1,
  attempts: 0,
};

type Watched = "record" | "clock" | "monitor" | "afterStep";

/** Takes `steps` as a stage takes them, each on a batch of its own. */
export async function trainOnRandom(
  program: TrainingProgram,
  { config, batchSize }: { readonly config: ModelConfig; readonly batchSize: number },
  steps: number,
  random: Random,
  watch: Partial<Pick<Parameters<typeof trainSteps>[0], Watched>>,
): Promise<void> {
  await trainSteps({
    program,
    windows: {
      next: () => Int32Array.from({ length: config.seqLen }, () => random.below(config.vocabSize)),
      position: 0,
      seek() {},
    },
    record: emptyRecord(0),
    to: steps,
    learningRate: () => 1e-3,
    settings: {
      batchSize,
      microBatchSize: batchSize,
      model: config,
      inner: { clipNorm: 1 },
      guard: stopping,
    },
    clock: new PhaseClock(),
    ...watch,
    name: "bench",
    rateKey: "rate",
    totalSteps: steps,
    stepsBefore: 0,
    log: silentLog,
    signal: new AbortController().signal,
  });
}
