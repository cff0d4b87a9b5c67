/**
 * Fine-tunes a continued model on a downstream task and scores it.
 *
 * in   model      checkpoint with a global embedding
 *      tokenizer  pieces
 * out  scores  `scores.json`: dev and test of the best epoch, means over the runs, chance, majority, ceiling;
 *              `predictions.jsonl`: a line per run and dev and test example
 *
 * Source: DEPT §4.4 (Table 7), after Radford et al. 2018.
 */
import type { Engine } from "../engine/mod.ts";
import { engineModule } from "../engine/mod.ts";
import type { ModelConfig } from "../model/mod.ts";
import { canonicalJson, writeFileSynced } from "../base/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import {
  chanceOf,
  fineTuneRuns,
  type FineTuneSettings,
  majorityScore,
  meanScores,
  metricOf,
  readCheckpoint,
  runsInterval,
  type TaskSplit,
} from "../training/mod.ts";
import { continuedModels, impossibleStart } from "./continue.ts";
import {
  engineClaims,
  type EngineParams,
  hasNativeEngine,
  hasNativeVocabulary,
  type Recipe,
} from "./recipe.ts";
import {
  hasRemoteFiles,
  readTask,
  taskFiles,
  taskModuleOf,
  type TaskParams,
  taskParams,
  trainingExamples,
} from "./task_examples.ts";
import { trainingForecast } from "./training_cost.ts";
import { adoptedModules, openVocabulary } from "./vocabulary_file.ts";

export type FinetuneParams = FineTuneSettings & TaskParams & {
  readonly runs: number;
  readonly engine: EngineParams;
};

/** Resamples of the test examples behind an interval. */
const intervalSamples = 1000;

export const finetune: Stage<Recipe, FinetuneParams> = {
  name: "finetune",
  description: "Fine-tunes a model on a downstream task and scores it",
  module: import.meta.url,
  instances: (recipe) =>
    continuedModels(recipe).flatMap((parts) =>
      Object.keys(recipe.finetune.tasks).sort().map((task) => [...parts, task])
    ),
  impossible: (_recipe, [variant, start]) => impossibleStart(variant, start),
  inputs: (_recipe, [variant, start]) => ({
    model: `continue/${variant}/${start}#model`,
    tokenizer: "vocabulary/global#tokenizer",
  }),
  outputs: ["scores"],
  files: (recipe, [_variant, _start, task]) => taskFiles(recipe, task),
  params(recipe, [_variant, _start, task]) {
    const { finetune: { tasks: _, ...settings }, engine } = recipe;
    return { ...settings, ...taskParams(recipe, task), task, engine };
  },
  hints: (recipe, [_variant, _start, task]) =>
    hasRemoteFiles(recipe, task) ? { hub: recipe.documents.hub } : {},
  seeds: ["finetune/*"],
  isNative: (recipe, [_variant, _start, task]) =>
    hasNativeEngine(recipe) || hasNativeVocabulary(recipe) || hasRemoteFiles(recipe, task),
  claims: engineClaims,
  uses: (recipe, [_variant, _start, task]) => ({
    engine: engineModule(recipe.engine.kind),
    task: taskModuleOf(recipe, task),
    ...adoptedModules(recipe),
  }),
  forecast(recipe, [_variant, _start, task]) {
    const { epochs, seqLen, runs, batchSize } = recipe.finetune;
    const examples = trainingExamples(recipe, task);
    if (examples === undefined) return {};
    const tokens = examples * epochs * seqLen * runs;
    return trainingForecast(recipe, { tokens, models: 0, microBatchSize: batchSize, seqLen });
  },
  weight: () => 3,
};

export async function run(context: StageContext<FinetuneParams>): Promise<StageSummary> {
  const { params, inputs, outputs, modules, seed } = context;
  const { engine } = modules.engine as { engine: Engine };
  const { groups, state } = readCheckpoint(inputs.model);
  using tokenizer = await openVocabulary(context);
  const dataSeed = seed(`finetune/data/${params.task}`);
  const { description, examples, ceiling } = await readTask(
    context,
    modules.task,
    params,
    dataSeed,
  );
  const results = await fineTuneRuns({
    ...context,
    settings: params,
    description,
    examples,
    tokenizer,
    config: (state as unknown as { model: ModelConfig }).model,
    parameters: groups.model,
    engine,
    engineOptions: params.engine,
  }, params.runs);

  const labels = (split: TaskSplit) => examples[split].map(({ label }) => label);
  const metric = metricOf(description);
  const scores = {
    task: params.task,
    kind: description.kind,
    metric,
    ...meanScores(results),
    testInterval: runsInterval(metric, results, labels("test"), {
      samples: intervalSamples,
      seed: seed(`finetune/bootstrap/${params.task}`),
    }),
    chance: chanceOf(description),
    majority: majorityScore(description, labels("train"), labels("test")),
    ceiling,
    runs: results.map(({ dev, test, bestEpoch, devScores }) => ({
      dev,
      test,
      bestEpoch,
      devScores,
    })),
  };
  writeFileSynced(`${outputs.scores}/scores.json`, JSON.stringify(scores, null, 2) + "\n");
  const lines = results.flatMap(({ predictions }, run) =>
    (["dev", "test"] as const).flatMap((split) =>
      labels(split).map((label, example) =>
        canonicalJson({ run, split, example, label, prediction: predictions[split][example] })
      )
    )
  );
  writeFileSynced(`${outputs.scores}/predictions.jsonl`, lines.join("\n") + "\n");
  return { [metric]: scores.test, dev: scores.dev };
}
