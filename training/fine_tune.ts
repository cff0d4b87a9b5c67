/**
 * Fine-tuning on a downstream task: a linear head beside the language-model loss, best epoch on dev, scored once on test.
 *
 * Source: DEPT §4.4, "following Radford et al. 2018"; that paper's §3.2 and §4.1.
 * Differs: embeddings are dropped as they enter the first block, not as rows of their table; decay takes biases and norms too (at 0.01 of a rate near
 * 1e-4 it is far below a float's last digit); scores of similarity are standardised over the training examples, which leaves
 * their correlation as it is.
 */
import type { TaskDescription, TaskExample } from "../datasets/mod.ts";
import type { TrainingProgram } from "../engine/mod.ts";
import {
  differentiate,
  dropoutFeeds,
  fineTuneGraph,
  headShapes,
  initialiseHead,
  type ModelConfig,
  noDropoutFeeds,
} from "../model/mod.ts";
import { Random, StageError } from "../base/mod.ts";
import type { Tokenizer } from "../tokenizers/mod.ts";
import type { Tensors } from "./checkpoint.ts";
import { type EncodedTask, encodeTask, type LabelScale, type TaskSplit } from "./encoded_task.ts";
import { readTensors, writeTensors } from "./programs.ts";
import { Run, type RunState, type TrainingPlace } from "./run.ts";
import { linearWithWarmup } from "./schedule.ts";
import { argmax, metricOf, score } from "./scores.ts";
import type { FineTuneSettings } from "./settings.ts";
import type { SeedOf } from "./source.ts";
import { type EncodedExample, type TaskBatchShape, taskFeeds } from "./task_inputs.ts";
import { nextTick } from "./trainer.ts";

export interface FineTuning extends TrainingPlace {
  readonly settings: FineTuneSettings;
  readonly description: TaskDescription;
  readonly examples: Readonly<Record<TaskSplit, readonly TaskExample[]>>;
  readonly tokenizer: Tokenizer;
  /** The network and all its parameters. */
  readonly config: ModelConfig;
  readonly parameters: Tensors;
  /** Number of this run, from 0: each has a head and an order of examples of its own. */
  readonly run?: number;
  /** Of how many, for progress; default 1. */
  readonly runs?: number;
}

export interface FineTuneResult {
  /** Scores of the best epoch on dev. */
  readonly dev: number;
  readonly test: number;
  readonly bestEpoch: number;
  /** On dev, of each epoch. */
  readonly devScores: readonly number[];
  /** Of the best epoch: classes, options, or scores in the task's own scale. */
  readonly predictions: Readonly<Record<"dev" | "test", readonly number[]>>;
  /** Of the best epoch: those of the network, `head.weight`, and `head.bias` if the head has one. */
  readonly parameters: Tensors;
  /** What the head scores is a similarity less the mean, over the deviation; 0 and 1 for other kinds. */
  readonly scale: LabelScale;
}

type FineTuneState = RunState & {
  epoch: number;
  /** Batches of the epoch that are done. */
  batch: number;
  bestEpoch: number;
  readonly devScores: number[];
  /** Parameters after the best epoch. */
  best: Tensors;
};

/**
 * Fine-tunes from the last checkpoint in `checkpointFolder`, or from the beginning. Checkpoints are written now and then,
 * after each epoch, and when the signal is aborted.
 * @throws StageError for examples that do not fit the task, or when training diverges. @throws signal.reason when aborted.
 */
export async function fineTune(options: FineTuning): Promise<FineTuneResult> {
  const task = encodeTask(options);
  const run = new Run<FineTuneState>(
    { ...options, settings: {} },
    () => ({ epoch: 0, batch: 0, bestEpoch: -1, devScores: [], best: {} }),
  );
  const program = await compileTask(options, task.shape);
  try {
    const start = () => ({ parameters: { ...options.parameters, ...firstHead(options) } });
    await run.train(program, start, () => trainEpochs(options, task, run, program));
    await writeTensors(program, run.state.best);
    return await resultOf(options, task, run.state, program);
  } finally {
    await program.dispose();
  }
}

/** All epochs under one rate that rises and falls by a line; the best epoch on dev is kept. */
async function trainEpochs(
  options: FineTuning,
  { train, dev, shape }: EncodedTask,
  run: Run<FineTuneState>,
  program: TrainingProgram,
): Promise<void> {
  const { settings, description, seed, log, signal, run: number = 0, runs = 1 } = options;
  const { epochs, batchSize, inner, task } = settings;
  const { state } = run;
  const stepsPerEpoch = Math.ceil(train.length / batchSize);
  const totalSteps = epochs * stepsPerEpoch;
  while (state.epoch < epochs) {
    const order = epochOrder(train.length, state.epoch, seed(`${placeOf(options)}/order`));
    while (state.batch < stepsPerEpoch) {
      await nextTick();
      signal.throwIfAborted();
      const step = state.epoch * stepsPerEpoch + state.batch;
      const from = state.batch * batchSize;
      const batch = order.slice(from, from + batchSize).map((at) => train[at]);
      const stepSeed = seed(`${placeOf(options)}/dropout/${step}`);
      const { loss: [lossNats] } = await program.accumulate({
        ...taskFeeds(batch, shape),
        ...dropoutFeeds(program.graph, settings.dropout, stepSeed),
      });
      const learningRate = linearWithWarmup(step, { ...inner, ...settings, totalSteps });
      const updated = await program.update({ learningRate, clipNorm: inner.clipNorm });
      if (!updated.applied || !Number.isFinite(lossNats)) {
        throw new StageError(
          `Cannot go on fine-tuning on ${task} at step ${step}: expected a finite loss and gradient, ` +
            `found ${lossNats} and ${updated.gradientNorm}; lower finetune.inner.peakLearningRate`,
        );
      }
      state.batch++;
      const tokens = batch.length * shape.sequences * shape.seqLen;
      const [done, total] = [number * totalSteps + step + 1, runs * totalSteps];
      log.progress({ done, total, unit: "steps", lossNats, tokens });
      if (state.batch < stepsPerEpoch) await run.saveIfDue();
    }
    const devScore = scoreOf(description, dev, await predict(program, dev, shape, signal));
    state.devScores.push(devScore);
    if (state.bestEpoch < 0 || devScore > state.devScores[state.bestEpoch]) {
      state.bestEpoch = state.epoch;
      state.best = await readTensors(program);
    }
    state.epoch++;
    state.batch = 0;
    await run.save();
    log.info("epoch", { epoch: state.epoch, dev: devScore });
  }
}

/** Scores a program that holds the best epoch's parameters. */
async function resultOf(
  { description, signal }: FineTuning,
  { dev, test, shape, scale }: EncodedTask,
  { bestEpoch, devScores, best }: FineTuneState,
  program: TrainingProgram,
): Promise<FineTuneResult> {
  const onDev = await predict(program, dev, shape, signal);
  const onTest = await predict(program, test, shape, signal);
  const inOwnScale = (values: readonly number[]) =>
    values.map((value) => value * scale.deviation + scale.mean);
  return {
    dev: scoreOf(description, dev, onDev),
    test: scoreOf(description, test, onTest),
    bestEpoch: bestEpoch + 1,
    devScores,
    predictions: { dev: inOwnScale(onDev), test: inOwnScale(onTest) },
    parameters: best,
    scale,
  };
}

function scoreOf(
  description: TaskDescription,
  examples: readonly EncodedExample[],
  predictions: readonly number[],
): number {
  return score(metricOf(description), predictions, examples.map(({ label }) => label));
}

/** Names a run's seeds. */
function placeOf({ settings: { task }, run = 0 }: FineTuning): string {
  return `finetune/${task}/${run}`;
}

function compileTask(
  { settings, description, config, engine, engineOptions }: FineTuning,
  { batchSize, seqLen, sequences, languageModelWeight }: TaskBatchShape,
): Promise<TrainingProgram> {
  const hasLanguageModelLoss = languageModelWeight > 0;
  const hasDropout = settings.dropout > 0;
  const shape = { batchSize, seqLen, sequences, hasLanguageModelLoss, hasDropout };
  const head = { ...description, hasHeadBias: settings.headBias };
  const graph = differentiate(fineTuneGraph(config, { ...head, ...shape }), "loss");
  return engine.compileTraining(graph, { ...engineOptions, optimizer: settings.inner });
}

/**
 * Classes, options or standardised scores, in the order of the examples.
 * @throws StageError for scores that are not finite: the last update may have gone beyond all numbers.
 */
async function predict(
  program: TrainingProgram,
  examples: readonly EncodedExample[],
  shape: TaskBatchShape,
  signal: AbortSignal,
): Promise<number[]> {
  const predictions: number[] = [];
  const withoutDropout = noDropoutFeeds(program.graph);
  for (let start = 0; start < examples.length; start += shape.batchSize) {
    await nextTick();
    signal.throwIfAborted();
    const batch = examples.slice(start, start + shape.batchSize);
    const feeds = { ...taskFeeds(batch, shape), ...withoutDropout };
    const { logits } = await program.run(feeds, ["logits"]);
    if (!logits.every(Number.isFinite)) {
      throw new StageError(
        `Cannot predict examples ${start} to ${
          start + batch.length - 1
        } of a downstream task: expected finite scores, ` +
          `found ${
            logits.find((logit) => !Number.isFinite(logit))
          }; lower finetune.inner.peakLearningRate`,
      );
    }
    const width = logits.length / shape.batchSize;
    batch.forEach((_, b) => {
      const row = logits.subarray(b * width, (b + 1) * width);
      predictions.push(shape.isScore ? row[0] : argmax(row));
    });
  }
  return predictions;
}

/** The order of an epoch's examples: each epoch shuffles on from the one before, so it is replayed from the first. */
function epochOrder(count: number, epoch: number, seed: ReturnType<SeedOf>): number[] {
  const random = new Random(seed);
  const order = Array.from({ length: count }, (_, i) => i);
  for (let past = 0; past <= epoch; past++) random.shuffle(order);
  return order;
}

/** The head that a run begins with. */
function firstHead(options: FineTuning): Tensors {
  const { config, description, settings, seed } = options;
  const head = { ...description, hasHeadBias: settings.headBias };
  const values = initialiseHead(config, head, seed(placeOf(options)));
  return Object.fromEntries(
    Object.entries(headShapes(config, head)).map(([name, shape]) => [
      name,
      { shape, data: values[name] },
    ]),
  );
}
