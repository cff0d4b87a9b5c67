/**
 * Fine-tunes a continued model, or an import (`finetune/external/<name>/pretraining/<task>`), on a downstream task and scores it.
 *
 * in   model      checkpoint with a global embedding
 *      tokenizer  pieces
 * out  scores  `scores.json`: dev and test of the best epoch, means over the runs, chance, majority, ceiling;
 *              `predictions.jsonl`: a line per run and dev and test example
 *      model   with `keepsModel`: the network and its head, of the run and epoch that are best on dev
 *
 * Source: DEPT §4.4 (Table 7), after Radford et al. 2018.
 */
import { engineModule } from "../engine/mod.ts";
import type { ModelConfig } from "../model/mod.ts";
import { canonicalJson, StageError, writeFileSynced } from "../base/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import {
  chanceOf,
  fillCheckpoint,
  fineTuneRuns,
  majorityScore,
  meanScores,
  metricOf,
  readCheckpoint,
  runsInterval,
  type TaskSplit,
} from "../training/mod.ts";
import { fineTunedModels, impossibleStart } from "./continue.ts";
import {
  continuedExternals,
  externalModels,
  impossibleExternal,
  isExternal,
  modelFirst,
  partsOf,
  pretrainingEnd,
} from "./external_models.ts";
import { engineClaims, type EngineParams, hasNativeEngine, type Recipe } from "./recipe.ts";
import {
  adoptedModule,
  type AdoptedModules,
  adoptedModules,
  hasNativeVocabulary,
  openVocabulary,
} from "./vocabulary_file.ts";
import {
  checkTask,
  declareTask,
  readTask,
  type TaskModules,
  type TaskParams,
} from "./task_examples.ts";
import { type RemoteHints, remoteHints } from "./remote_files.ts";
import { trainingForecast } from "./training_cost.ts";
import type { EngineModules } from "./training_inputs.ts";

type FinetuneParams = Omit<Recipe["finetune"], "tasks" | "variants"> & TaskParams & {
  readonly task: string;
  readonly engine: EngineParams;
};
type FinetuneModules = EngineModules & TaskModules & AdoptedModules;

/** Resamples of the test examples for an interval. */
const intervalSamples = 1000;

export const finetune: Stage<Recipe, FinetuneParams, RemoteHints, FinetuneModules> = {
  name: "finetune",
  description: "Fine-tunes a model on a downstream task and scores it",
  module: import.meta.url,
  instances: (recipe) =>
    [...fineTunedModels(recipe), ...continuedExternals(recipe)].flatMap((parts) =>
      Object.keys(recipe.finetune.tasks).sort().map((task) => partsOf([...parts, task]))
    ),
  onRequest(recipe, parts) {
    const [id, start, task, ...more] = modelFirst(parts);
    return externalModels(recipe).includes(id) && start === pretrainingEnd && more.length === 0 &&
      Object.hasOwn(recipe.finetune.tasks, task ?? "");
  },
  impossible(recipe, parts) {
    const [id, start] = modelFirst(parts);
    return isExternal(id)
      ? impossibleExternal(recipe, [id, start])
      : impossibleStart(recipe, id, start);
  },
  check: ({ params, files, uses }) => checkTask(params, files, uses),
  declare(recipe, parts) {
    const [id, start, task] = modelFirst(parts);
    const isImported = isExternal(id);
    const hasOwnTokenizer = isImported && start !== "random";
    const { finetune: { tasks: _, variants: __, ...settings }, engine } = recipe;
    const { epochs, seqLen, runs, batchSize } = settings;
    const { params, files, uses, isRemote, trainingExamples } = declareTask(recipe, task);
    return {
      inputs: {
        model: start === pretrainingEnd ? `${id}#model` : `continue/${id}/${start}#model`,
        tokenizer: hasOwnTokenizer ? `${id}#tokenizer` : "vocabulary/global#tokenizer",
      },
      files,
      outputs: ["scores", ...(settings.keepsModel ? ["model"] : [])],
      params: { ...settings, ...params, task, engine },
      hints: remoteHints(recipe),
      seeds: ["finetune/*"],
      uses: {
        engine: engineModule(engine.kind),
        ...uses,
        ...(hasOwnTokenizer ? adoptedModule() : adoptedModules(recipe)),
      },
      isNative: hasNativeEngine(recipe) || hasNativeVocabulary(recipe) || isRemote ||
        hasOwnTokenizer,
      claims: engineClaims(recipe),
      forecast: trainingExamples === undefined || isImported ? {} : trainingForecast(recipe, {
        tokens: trainingExamples * epochs * seqLen * runs,
        models: 0,
        microBatchSize: batchSize,
        seqLen,
      }),
      weight: 6,
    };
  },
};

export async function run(
  context: StageContext<FinetuneParams, RemoteHints, FinetuneModules>,
): Promise<StageSummary> {
  const { params, inputs, outputs, modules: { engine: { engine } }, seed } = context;
  const { groups, state } = readCheckpoint<{ model: ModelConfig }>(inputs.model);
  const { positions, seqLen } = state.model;
  if (positions === "learned" && params.seqLen > seqLen) { // known before only of models that are trained here
    throw new StageError(
      `Cannot fine-tune on ${params.task}: expected finetune.seqLen of at most ${seqLen}, the positions that the model ` +
        `has learned, found ${params.seqLen}`,
    );
  }
  using tokenizer = await openVocabulary(context);
  const dataSeed = seed(`finetune/data/${params.task}`);
  const { description, examples, ceiling } = await readTask(context, dataSeed);
  const { results, best } = await fineTuneRuns({
    ...context,
    settings: params,
    description,
    examples,
    tokenizer,
    config: state.model,
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
  if (params.keepsModel) {
    const { task, seqLen, headBias } = params;
    const { dev, test, bestEpoch, scale } = results[best.run];
    const { mean, deviation } = scale;
    fillCheckpoint(outputs.model, {
      groups: { model: best.parameters },
      state: {
        model: { ...state.model },
        head: { task, ...description, metric, seqLen, hasBias: headBias, mean, deviation },
        ...{ run: best.run, bestEpoch, dev, test },
      },
    });
  }
  return { [metric]: scores.test, dev: scores.dev };
}
