/**
 * Continues a pre-trained body, or an import, on the mixture of all sources, from a new global embedding or from its own.
 *
 * in   best            checkpoint of pre-training, with its tables stitched for the start `stitched`, or the import
 *      train/<source>  token shards of the global vocabulary; of the import's own where its embedding stays
 *      validation/<source>  the same, for a run on a single source: `continue/<variant>/random/<source>`
 * out  model    checkpoint with a global embedding
 *      metrics  `metrics.jsonl`: mean losses along the run; validation losses of a run on a single source; the rest as in
 *               pre-training
 *
 * Source: DEPT §3.5.
 */
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
  type Checkpoint,
  continuationSeeds,
  type ContinuationSettings,
  type ContinuationStart,
  continueTraining,
  fillCheckpoint,
  noPretrainedEmbedding,
  readCheckpoint,
  variantNamed,
  withContext,
  writeMetrics,
} from "../training/mod.ts";
import type { ModelConfig } from "../model/mod.ts";
import {
  continuedExternals,
  impossibleExternal,
  isExternal,
  modelFirst,
  partsOf,
} from "./external_models.ts";
import { stitchedStart, whyNotStitched } from "./own_tables.ts";
import { engineClaims, type EngineParams, hasNativeEngine, type Recipe } from "./recipe.ts";
import { sourcesOf } from "./sources.ts";
import { checkTrainingText } from "./text_checks.ts";
import { plannedMicroBatch, trainingForecast } from "./training_cost.ts";
import {
  type EngineModules,
  foundMicroBatch,
  microBatchOf,
  tokenShards,
} from "./training_inputs.ts";

type ContinueParams =
  & Omit<
    Recipe["continue"],
    "starts" | "plasticity" | "validation" | "checkpointEverySteps"
  >
  & {
    readonly variant: string;
    readonly start: ContinuationStart;
    readonly validation?: { readonly everySteps: number; readonly windows: number };
    /** An import has its own network: the recipe says how long windows are. */
    readonly model: Recipe["model"] | Pick<Recipe["model"], "seqLen">;
    readonly engine: EngineParams;
  };

type ContinueHints = Pick<ContinuationSettings, "checkpointEverySteps">;

export const continuation: Stage<Recipe, ContinueParams, ContinueHints, EngineModules> = {
  name: "continue",
  description: "Continues a pre-trained body from a new global embedding, or from its own",
  module: import.meta.url,
  instances: (recipe) => [
    ...continuedModels(recipe),
    ...recipe.pretrain.variants.flatMap((variant) =>
      recipe.continue.plasticity.sources.map((source) => [variant, "random", source])
    ),
    ...continuedExternals(recipe).map(partsOf),
  ],
  impossible(recipe, parts) {
    const [variant, start, source] = modelFirst(parts);
    if (isExternal(variant)) return impossibleExternal(recipe, [variant, start]);
    return impossibleStart(recipe, variant, start) ??
      (source === undefined
        ? undefined
        : `the recipe asks for no plasticity run on "${source}" from the start "${start}"; ` +
          `add it to continue.plasticity.sources, and run continue/${variant}/random/${source}`);
  },
  check: ({ params: { model, share } }, inputs) => checkTrainingText(inputs, model.seqLen, share),
  declare(recipe, parts) {
    const [variant, start, source] = modelFirst(parts);
    const isImported = isExternal(variant);
    const { model, engine } = recipe;
    const { starts: _, checkpointEverySteps, plasticity, validation, ...settings } =
      recipe.continue;
    const { everySteps, windows } = source === undefined ? validation : {
      everySteps: plasticity.validateEverySteps,
      windows: plasticity.validationWindows,
    };
    const steps = source === undefined ? settings.steps : plasticity.steps ?? settings.steps;
    const tokens = steps * settings.batchSize * model.seqLen;
    const microBatchSize = plannedMicroBatch(recipe, settings);
    return {
      inputs: {
        best: bestOf(variant, start),
        ...tokenShards(
          everySteps === null ? ["train"] : ["train", "validation"],
          source === undefined ? sourcesOf(recipe) : [source],
          isImported && start === "pretrained" ? variant as `external/${string}` : "global",
        ),
      },
      outputs: ["model", "metrics"],
      params: {
        ...settings,
        steps,
        // Nothing is pre-trained on a source that is held out: all its windows are new.
        share: recipe.outOfDistribution.includes(source) ? 0 : settings.share,
        ...(everySteps === null ? {} : { validation: { everySteps, windows } }),
        variant,
        start: start as ContinuationStart,
        model: isImported ? { seqLen: model.seqLen } : model,
        engine,
      },
      hints: { checkpointEverySteps },
      seeds: continuationSeeds,
      uses: { engine: engineModule(engine.kind) },
      isNative: hasNativeEngine(recipe),
      claims: engineClaims(recipe),
      forecast: isImported ? {} : trainingForecast(recipe, { tokens, models: 1, microBatchSize }),
      weight: 5,
    };
  },
};

/** The model that is continued. */
function bestOf(variant: string, start: string): OutputRef {
  if (isExternal(variant)) return `${variant}#model`;
  return start === stitchedStart ? `stitch/${variant}#model` : `pretrain/${variant}#best`;
}

/** Variants and starts of the models that are evaluated. */
export function continuedModels(recipe: Recipe): readonly (readonly [string, string])[] {
  return recipe.pretrain.variants.flatMap((variant) =>
    recipe.continue.starts
      .filter((start) => impossibleStart(recipe, variant, start) === undefined)
      .map((start) => [variant, start] as const)
  );
}

/** The same of the models that are fine-tuned: `finetune.variants`, or all. */
export function fineTunedModels(recipe: Recipe): readonly (readonly [string, string])[] {
  const variants = recipe.finetune.variants ?? recipe.pretrain.variants;
  return continuedModels(recipe).filter(([variant]) => variants.includes(variant));
}

/** Why `continue/<variant>/<start>` cannot exist, else undefined. */
export function impossibleStart(
  recipe: Recipe,
  variant: string,
  start: string,
): string | undefined {
  if (start === stitchedStart) return whyNotStitched(recipe, variant);
  return start === "pretrained" ? noPretrainedEmbedding(variantNamed(variant).training) : undefined;
}

export async function run(
  context: StageContext<ContinueParams, ContinueHints, EngineModules>,
): Promise<StageSummary> {
  const { params, hints, inputs, outputs, modules: { engine: { engine } } } = context;
  const validation = group(inputs, "validation");
  const sources = [...group(inputs, "train")].map(([name, folder]) => ({
    name,
    train: openTokenShards(folder),
    ...(validation.has(name) ? { validation: openTokenShards(validation.get(name)!) } : {}),
  }));
  try {
    const { model, from } = startingPoint(params, readCheckpoint(inputs.best));
    const own = { ...params, model };
    const microBatchSize = microBatchOf({ params: own }, { engine, sources });
    const result = await continueTraining({
      ...context,
      settings: { ...own, ...hints, microBatchSize },
      from,
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

/** The network, which an import brings, and the weights, of which a shorter context needs fewer positions. */
function startingPoint({ model }: ContinueParams, from: Checkpoint) {
  if ("nLayers" in model) return { model, from };
  const imported = withContext(
    from as Checkpoint & Checkpoint<{ readonly model: ModelConfig }>,
    model.seqLen,
  );
  return { model: imported.model, from: { ...from, groups: { model: imported.tensors } } };
}
