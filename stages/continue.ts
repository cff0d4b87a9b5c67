/**
 * Continues a pre-trained body on the mixture of all sources, from a new global embedding or from its own.
 *
 * in   best            checkpoint of pre-training
 *      train/<source>  token shards of the global vocabulary
 *      validation/<source>  the same, for a run on a single source: `continue/<variant>/random/<source>`
 * out  model    checkpoint with a global embedding
 *      metrics  `metrics.jsonl`: mean losses along the run; validation losses of a run on a single source; the rest as in
 *               pre-training
 *
 * Source: DEPT §3.5.
 */
import type { Engine } from "../engine/mod.ts";
import { engineModule } from "../engine/mod.ts";
import { openTokenShards } from "../datasets/mod.ts";
import {
  group,
  type OutputRef,
  type Stage,
  type StageContext,
  type StageSummary,
} from "../pipeline/stage.ts";
import {
  continuationSeeds,
  type ContinuationSettings,
  type ContinuationStart,
  continueTraining,
  fillCheckpoint,
  type MicroBatchSize,
  noPretrainedEmbedding,
  readCheckpoint,
  variantEntry,
  writeMetrics,
} from "../training/mod.ts";
import {
  engineClaims,
  type EngineParams,
  hasNativeEngine,
  type Recipe,
  sourcesOf,
} from "./recipe.ts";
import { trainingForecast } from "./training_cost.ts";
import { foundMicroBatch, microBatchOf } from "./training_inputs.ts";

export interface ContinueParams
  extends Omit<ContinuationSettings, "checkpointEverySteps" | "microBatchSize"> {
  readonly microBatchSize: MicroBatchSize;
  readonly engine: EngineParams;
}

type ContinueHints = Pick<ContinuationSettings, "checkpointEverySteps">;

export const continuation: Stage<Recipe, ContinueParams> = {
  name: "continue",
  description: "Continues a pre-trained body from a new global embedding, or from its own",
  module: import.meta.url,
  instances: (recipe) => [
    ...continuedModels(recipe),
    ...recipe.pretrain.variants.flatMap((variant) =>
      recipe.continue.plasticity.sources.map((source) => [variant, "random", source])
    ),
  ],
  impossible: (_recipe, [variant, start, source]) =>
    impossibleStart(variant, start) ??
      (source === undefined
        ? undefined
        : `the recipe asks for no plasticity run on "${source}" from the start "${start}"; ` +
          `add it to continue.plasticity.sources, and run continue/${variant}/random/${source}`),
  inputs(recipe, [variant, _start, source]) {
    const ofSources = (output: string) =>
      (source === undefined ? sourcesOf(recipe) : [source]).map((name): [string, OutputRef] => [
        `${output}/${name}`,
        `tokenize/${name}/global#${output}`,
      ]);
    return {
      best: `pretrain/${variant}#best`,
      ...Object.fromEntries(ofSources("train")),
      ...(isValidated(recipe, source) ? Object.fromEntries(ofSources("validation")) : {}),
    };
  },
  outputs: ["model", "metrics"],
  params: (
    {
      model,
      engine,
      continue: { starts: _, checkpointEverySteps: __, plasticity, validation, ...settings },
    },
    [variant, start, source],
  ) => ({
    ...settings,
    ...(validation.everySteps === null
      ? {}
      : { validation: { ...validation, everySteps: validation.everySteps } }),
    ...(source === undefined ? {} : plasticityParams(plasticity, settings.steps)),
    variant,
    start: start as ContinuationStart,
    model,
    engine,
  }),
  hints: ({ continue: { checkpointEverySteps } }) => ({ checkpointEverySteps }),
  forecast(recipe) {
    const { steps, batchSize, microBatchSize } = recipe.continue;
    const tokens = steps * batchSize * recipe.model.seqLen;
    return trainingForecast(recipe, { tokens, models: 1, microBatchSize });
  },
  seeds: continuationSeeds,
  isNative: hasNativeEngine,
  claims: engineClaims,
  uses: ({ engine }) => ({ engine: engineModule(engine.kind) }),
  weight: () => 5,
};

/** Variants and starts of the models that are evaluated and fine-tuned. */
export function continuedModels(recipe: Recipe): readonly (readonly [string, string])[] {
  return recipe.pretrain.variants.flatMap((variant) =>
    recipe.continue.starts
      .filter((start) => impossibleStart(variant, start) === undefined)
      .map((start) => [variant, start] as const)
  );
}

/** Whether a run looks at validation text along the way. */
function isValidated(recipe: Recipe, source: string | undefined): boolean {
  return source !== undefined || recipe.continue.validation.everySteps !== null;
}

function plasticityParams(
  { steps, validateEverySteps, validationWindows }: Recipe["continue"]["plasticity"],
  defaultSteps: number,
) {
  return {
    steps: steps ?? defaultSteps,
    validation: { everySteps: validateEverySteps, windows: validationWindows },
  };
}

/** Why `continue/<variant>/<start>` cannot exist, else undefined. */
export function impossibleStart(variant: string, start: string): string | undefined {
  return start === "pretrained"
    ? noPretrainedEmbedding({ id: variant, ...variantEntry(variant) })
    : undefined;
}

export async function run(context: StageContext<ContinueParams>): Promise<StageSummary> {
  const { params, hints, inputs, outputs, modules } = context;
  const { engine } = modules.engine as { engine: Engine };
  const validation = group(inputs, "validation");
  const sources = [...group(inputs, "train")].map(([name, folder]) => ({
    name,
    train: openTokenShards(folder),
    ...(validation.has(name) ? { validation: openTokenShards(validation.get(name)!) } : {}),
  }));
  try {
    const microBatchSize = await microBatchOf(context, { engine, sources });
    const result = await continueTraining({
      ...context,
      settings: { ...params, ...hints as ContinueHints, microBatchSize },
      from: readCheckpoint(inputs.best),
      sources,
      engine,
      engineOptions: params.engine,
    });
    fillCheckpoint(outputs.model, result.model);
    writeMetrics(outputs.metrics, result);
    return {
      lossNatsLast: result.lossNatsLast,
      ...foundMicroBatch(params.microBatchSize, microBatchSize),
    };
  } finally {
    for (const { train, validation } of sources) {
      train.close();
      validation?.close();
    }
  }
}
