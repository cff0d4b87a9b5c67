/**
 * Fine-tuning on a downstream task: a linear head beside the language-model loss, best epoch on dev, scored once on test.
 *
 * Source: DEPT §4.4, "following Radford et al. 2018"; that paper's §3.2 and §4.1.
 * Differs: no dropout, as the models were pre-trained without; decay takes biases and norms too (at 0.01 of a rate near
 * 1e-4 it is far below a float's last digit); scores of similarity are standardised over the training examples, which leaves
 * their correlation as it is.
 */
import type { TaskDescription, TaskExample } from "../datasets/mod.ts";
import type { Engine, EngineOptions, TrainingProgram } from "../engine/mod.ts";
import {
  differentiate,
  fineTuneGraph,
  headShapes,
  initialiseHead,
  type ModelConfig,
} from "../model/mod.ts";
import { type Log, Random, StageError } from "../base/mod.ts";
import type { Tokenizer } from "../tokenizers/mod.ts";
import type { Tensors } from "./checkpoint.ts";
import { CheckpointStore } from "./checkpoint_store.ts";
import { momentTensors, momentValues, readTensors, writeTensors } from "./programs.ts";
import { linearWithWarmup } from "./schedule.ts";
import { argmax, metricOf, score } from "./scores.ts";
import type { FineTuneSettings } from "./settings.ts";
import type { SeedOf } from "./source.ts";
import {
  type EncodedExample,
  encodeExample,
  sequencesOf,
  type TaskBatchShape,
  taskFeeds,
} from "./task_inputs.ts";
import { nextTick } from "./trainer.ts";

export interface FineTuning {
  readonly settings: FineTuneSettings;
  readonly description: TaskDescription;
  readonly examples: Readonly<Record<TaskSplit, readonly TaskExample[]>>;
  readonly tokenizer: Tokenizer;
  /** The network and all its parameters. */
  readonly config: ModelConfig;
  readonly parameters: Tensors;
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly seed: SeedOf;
  /** Number of this run, from 0: each has a head and an order of examples of its own. */
  readonly run?: number;
  readonly checkpointFolder: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export type TaskSplit = "train" | "dev" | "test";

export interface FineTuneResult {
  /** Scores of the best epoch on dev. */
  readonly dev: number;
  readonly test: number;
  readonly bestEpoch: number;
  /** On dev, of each epoch. */
  readonly devScores: readonly number[];
  /** Of the best epoch: classes, options, or scores in the task's own scale. */
  readonly predictions: Readonly<Record<"dev" | "test", readonly number[]>>;
}

/** Mean and deviation of training scores; 0 and 1 for classes. */
interface LabelScale {
  readonly mean: number;
  readonly deviation: number;
}

interface Progress {
  epoch: number;
  /** Batches of the epoch that are done. */
  batch: number;
  bestEpoch: number;
  devScores: number[];
  optimizerStep: number;
}

/**
 * Fine-tunes from the last checkpoint in `checkpointFolder`, or from the beginning. Checkpoints are written after each epoch and
 * when the signal is aborted.
 * @throws StageError for examples that do not fit the task, or when training diverges. @throws signal.reason when aborted.
 */
export async function fineTune(options: FineTuning): Promise<FineTuneResult> {
  const { settings, description, config, seed, engine, engineOptions, log, signal } = options;
  const place = `finetune/${settings.task}/${options.run ?? 0}`;
  const { epochs, batchSize, seqLen, inner, languageModelWeight, task } = settings;
  const sequences = sequencesOf(description);
  const metric = metricOf(description);
  checkExamples(options);
  const scale = scaleOf(options);
  const encode = (split: TaskSplit) =>
    options.examples[split].map((example) => {
      const encoded = encodeExample(description, example, options.tokenizer, seqLen);
      return { ...encoded, label: (encoded.label - scale.mean) / scale.deviation };
    });
  const [train, dev, test] = [encode("train"), encode("dev"), encode("test")];
  const shape: TaskBatchShape = {
    batchSize,
    seqLen,
    sequences,
    isScore: metric === "pearson",
    languageModelWeight,
  };
  const graphOptions = {
    ...description,
    batchSize,
    seqLen,
    sequences,
    hasLanguageModelLoss: languageModelWeight > 0,
  };
  const graph = differentiate(fineTuneGraph(config, graphOptions), "loss");
  const program = await engine.compileTraining(graph, { ...engineOptions, optimizer: inner });
  try {
    const store = new CheckpointStore(options.checkpointFolder);
    const saved = store.latest();
    const progress: Progress = saved
      ? { ...saved.state as unknown as Progress }
      : { epoch: 0, batch: 0, bestEpoch: -1, devScores: [], optimizerStep: 0 };
    const head = headTensors(
      config,
      description,
      initialiseHead(config, description, seed(place)),
    );
    let best: Tensors = saved?.groups.best ?? {};
    await writeTensors(program, saved?.groups.current ?? { ...options.parameters, ...head });
    if (saved) {
      const moments = momentValues(saved.groups["current-optimizer"]);
      await program.writeOptimizer({ step: progress.optimizerStep, moments });
    } else await program.resetOptimizer();
    const save = async () => {
      const { step, moments } = await program.readOptimizer();
      progress.optimizerStep = step;
      store.write({
        groups: {
          best,
          current: await readTensors(program),
          "current-optimizer": momentTensors(moments),
        },
        state: { ...progress, devScores: [...progress.devScores] },
      });
    };

    const stepsPerEpoch = Math.ceil(train.length / batchSize);
    const totalSteps = epochs * stepsPerEpoch;
    try {
      while (progress.epoch < epochs) {
        const order = epochOrder(train.length, progress.epoch, seed(`${place}/order`));
        for (let i = progress.batch; i < stepsPerEpoch; i++) {
          await nextTick();
          signal.throwIfAborted();
          const step = progress.epoch * stepsPerEpoch + i;
          const batch = order.slice(i * batchSize, (i + 1) * batchSize).map((at) => train[at]);
          const loss = (await program.accumulate(taskFeeds(batch, shape))).loss[0];
          const { gradientNorm, applied } = await program.update({
            learningRate: linearWithWarmup(step, { ...inner, ...settings, totalSteps }),
            clipNorm: inner.clipNorm,
          });
          if (!applied || !Number.isFinite(loss)) {
            throw new StageError(
              `Cannot go on fine-tuning on ${task} at step ${step}: expected a finite loss and gradient, ` +
                `found ${loss} and ${gradientNorm}; lower finetune.inner.peakLearningRate`,
            );
          }
          progress.batch = i + 1;
          const done = { done: step + 1, total: totalSteps, unit: "steps" };
          log.progress({ ...done, lossNats: loss, tokens: batch.length * sequences * seqLen });
        }
        const predictions = await predict(program, dev, shape, signal);
        const devScore = score(metric, predictions, dev.map(({ label }) => label));
        progress.devScores.push(devScore);
        if (progress.bestEpoch < 0 || devScore > progress.devScores[progress.bestEpoch]) {
          progress.bestEpoch = progress.epoch;
          best = await readTensors(program);
        }
        progress.epoch++;
        progress.batch = 0;
        await save();
        log.info("epoch", { epoch: progress.epoch, dev: devScore });
      }
    } catch (error) {
      if (signal.aborted && error === signal.reason) await save();
      throw error;
    }

    await writeTensors(program, best);
    const [onDev, onTest] = [
      await predict(program, dev, shape, signal),
      await predict(program, test, shape, signal),
    ];
    const inOwnScale = (values: readonly number[]) =>
      values.map((value) => value * scale.deviation + scale.mean);
    return {
      dev: score(metric, onDev, dev.map(({ label }) => label)),
      test: score(metric, onTest, test.map(({ label }) => label)),
      bestEpoch: progress.bestEpoch + 1,
      devScores: progress.devScores,
      predictions: { dev: inOwnScale(onDev), test: inOwnScale(onTest) },
    };
  } finally {
    await program.dispose();
  }
}

/** Classes, options or standardised scores, in the order of the examples. */
async function predict(
  program: TrainingProgram,
  examples: readonly EncodedExample[],
  shape: TaskBatchShape,
  signal: AbortSignal,
): Promise<number[]> {
  const predictions: number[] = [];
  for (let start = 0; start < examples.length; start += shape.batchSize) {
    await nextTick();
    signal.throwIfAborted();
    const batch = examples.slice(start, start + shape.batchSize);
    const { logits } = await program.run(taskFeeds(batch, shape), ["logits"]);
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

function headTensors(
  config: ModelConfig,
  description: TaskDescription,
  values: Readonly<Record<string, Float32Array>>,
): Tensors {
  return Object.fromEntries(
    Object.entries(headShapes(config, description)).map(([name, shape]) => [
      name,
      { shape, data: values[name] },
    ]),
  );
}

function scaleOf({ description, examples }: FineTuning): LabelScale {
  if (description.kind !== "similarity") return { mean: 0, deviation: 1 };
  const labels = examples.train.map(({ label }) => label);
  const mean = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  const squares = labels.reduce((sum, label) => sum + (label - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / labels.length) || 1 };
}

/** @throws StageError naming split, example and field. */
function checkExamples({ settings, description, examples }: FineTuning): void {
  const { kind, nClasses } = description;
  const nTexts = kind === "entailment" || kind === "similarity" ? 2 : 1;
  for (const split of ["train", "dev", "test"] as const) {
    const fail = (place: string, expected: string, found: unknown): never => {
      throw new StageError(
        `Cannot fine-tune on ${settings.task}, ${split}${place}: expected ${expected}, found ${found}`,
      );
    };
    if (examples[split].length === 0) fail("", "at least one example", "none");
    examples[split].forEach(({ texts, options, label }, i) => {
      const at = ` example ${i}`;
      if (texts.length !== nTexts) fail(at, `${nTexts} texts`, texts.length);
      if (kind === "choice" && options?.length !== nClasses) {
        fail(at, `${nClasses} options`, options?.length ?? "none");
      }
      const isLabel = kind === "similarity"
        ? Number.isFinite(label)
        : Number.isInteger(label) && label >= 0 && label < nClasses;
      if (!isLabel) {
        fail(
          at,
          `a label ${kind === "similarity" ? "that is finite" : `below ${nClasses}`}`,
          label,
        );
      }
    });
  }
}
