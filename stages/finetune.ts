/**
 * Fine-tunes a continued model on a downstream task and scores it.
 *
 * in   model      checkpoint with a global embedding
 *      tokenizer  pieces
 * out  scores  `scores.json`: dev and test of the best epoch, chance, majority, ceiling;
 *              `predictions.jsonl`: a line per dev and test example
 *
 * Source: DEPT §4.4 (Table 7), after Radford et al. 2018.
 */
import type { GeneratedTask, TaskExample } from "../datasets/mod.ts";
import { taskModule } from "../datasets/sources/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { engineModule } from "../engine/mod.ts";
import type { ModelConfig } from "../model/mod.ts";
import { canonicalJson, writeFileSynced } from "../pipeline/base/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import { loadTokenizer } from "../tokenizers/mod.ts";
import {
  chanceOf,
  fineTune,
  type FineTuneSettings,
  majorityScore,
  metricOf,
  readCheckpoint,
  scoreInterval,
  type TaskSplit,
} from "../training/mod.ts";
import { continuation, impossibleStart } from "./continue.ts";
import type { EngineParams, Recipe } from "./recipe.ts";

export interface FinetuneParams extends FineTuneSettings {
  readonly options: Readonly<Record<string, unknown>>;
  readonly examples: Readonly<Record<TaskSplit, number>>;
  readonly engine: EngineParams;
}

/** Resamples of the test examples behind an interval. */
const intervalSamples = 1000;

export const finetune: Stage<Recipe, FinetuneParams> = {
  name: "finetune",
  description: "Fine-tunes a model on a downstream task and scores it",
  module: import.meta.url,
  instances: (recipe) =>
    continuation.instances(recipe).flatMap((parts) =>
      Object.keys(recipe.finetune.tasks).sort().map((task) => [...parts, task])
    ),
  impossible: (_recipe, [variant, start]) => impossibleStart(variant, start),
  inputs: (_recipe, [variant, start]) => ({
    model: `continue/${variant}/${start}#model`,
    tokenizer: "vocabulary/global#tokenizer",
  }),
  outputs: ["scores"],
  params({ finetune: { tasks, ...settings }, engine }, [_variant, _start, task]) {
    const { options, examples } = tasks[task];
    return { ...settings, task, options, examples, engine };
  },
  seeds: ["finetune/*"],
  uses: ({ finetune, engine }, [_variant, _start, task]) => ({
    engine: engineModule(engine.kind),
    task: taskModule(finetune.tasks[task].generator),
  }),
  weight: () => 3,
};

export async function run(context: StageContext<FinetuneParams>): Promise<StageSummary> {
  const { params, inputs, outputs, modules, seed } = context;
  const { engine } = modules.engine as { engine: Engine };
  const { task } = modules.task as { task: GeneratedTask<unknown> };
  const { groups, state } = readCheckpoint(inputs.model);
  const { description } = task;
  const examples = taskExamples(task, params, seed(`finetune/data/${params.task}`));
  const result = await fineTune({
    ...context,
    settings: params,
    description,
    examples,
    tokenizer: loadTokenizer(inputs.tokenizer),
    config: (state as unknown as { model: ModelConfig }).model,
    parameters: groups.model,
    engine,
    engineOptions: params.engine,
  });

  const labels = (split: TaskSplit) => examples[split].map(({ label }) => label);
  const metric = metricOf(description);
  const scores = {
    task: params.task,
    kind: description.kind,
    metric,
    dev: result.dev,
    test: result.test,
    testInterval: scoreInterval(metric, result.predictions.test, labels("test"), {
      samples: intervalSamples,
      seed: seed(`finetune/bootstrap/${params.task}`),
    }),
    chance: chanceOf(description),
    majority: majorityScore(description, labels("train"), labels("test")),
    ceiling: task.ceiling(params.options),
    bestEpoch: result.bestEpoch,
    devScores: result.devScores,
  };
  writeFileSynced(`${outputs.scores}/scores.json`, JSON.stringify(scores, null, 2) + "\n");
  const lines = (["dev", "test"] as const).flatMap((split) =>
    labels(split).map((label, example) =>
      canonicalJson({ split, example, label, prediction: result.predictions[split][example] })
    )
  );
  writeFileSynced(`${outputs.scores}/predictions.jsonl`, lines.join("\n") + "\n");
  return { [metric]: result.test, dev: result.dev };
}

function taskExamples(
  task: GeneratedTask<unknown>,
  { options, examples }: FinetuneParams,
  seed: ReturnType<StageContext["seed"]>,
): Record<TaskSplit, TaskExample[]> {
  const take = (split: TaskSplit) => {
    const taken: TaskExample[] = [];
    for (const example of task.examples(options, split, seed)) {
      taken.push(example);
      if (taken.length === examples[split]) break;
    }
    return taken;
  };
  return { train: take("train"), dev: take("dev"), test: take("test") };
}
