/**
 * Pre-trains a variant: rounds of local training and outer averaging, or the same steps on a mixture.
 *
 * in   train/<source>, validation/<source>  token shards of the variant's vocabulary
 *      statistics/<source>                  token counts: V_k
 * out  last, best  checkpoints: `model` is shared, `local-<source>` a source's own; best by mean validation loss
 *      metrics     `metrics.jsonl`: a row per round and source, and per round
 *
 * Source: DEPT Algorithm 1.
 */
import type { Engine, EngineOptions } from "../engine/mod.ts";
import { engineModule } from "../engine/mod.ts";
import { canonicalJson, writeFileSynced } from "../pipeline/base/mod.ts";
import {
  group,
  type OutputRef,
  type Stage,
  type StageContext,
  type StageSummary,
} from "../pipeline/stage.ts";
import {
  fillCheckpoint,
  openSource,
  pretrain as trainRounds,
  pretrainSeeds,
  type PretrainSettings,
  type Variant,
  variantEntry,
  variantModule,
} from "../training/mod.ts";
import { type EngineParams, type Recipe, sourcesOf } from "./recipe.ts";

export interface PretrainParams extends PretrainSettings {
  readonly variant: string;
  readonly engine: EngineParams;
}

export const pretrain: Stage<Recipe, PretrainParams> = {
  name: "pretrain",
  description:
    "Pre-trains a variant: rounds of local training and averaging, or steps on a mixture",
  module: import.meta.url,
  instances: (recipe) => recipe.pretrain.variants.map((variant) => [variant]),
  inputs(recipe, [variant]) {
    const { vocabulary } = variantEntry(variant);
    return Object.fromEntries(
      ["train", "validation", "statistics"].flatMap((output) =>
        sourcesOf(recipe).map((source): [string, OutputRef] => [
          `${output}/${source}`,
          `tokenize/${source}/${vocabulary}#${output}`,
        ])
      ),
    );
  },
  outputs: ["last", "best", "metrics"],
  params({ pretrain, model, engine }, [variant]) {
    const peakLearningRate = pretrain.peakLearningRates[variant] ?? pretrain.inner.peakLearningRate;
    const { rounds, localSteps, sourcesPerRound, batchSize, microBatchSize, adamState } = pretrain;
    const { validationWindows, checkpointEverySteps } = pretrain;
    return {
      variant,
      model,
      rounds,
      localSteps,
      sourcesPerRound,
      batchSize,
      microBatchSize,
      inner: { ...pretrain.inner, peakLearningRate },
      adamState,
      validationWindows,
      checkpointEverySteps,
      engine,
    };
  },
  seeds: pretrainSeeds,
  uses: ({ engine }, [variant]) => ({
    engine: engineModule(engine.kind),
    variant: variantModule(variant),
  }),
  // A round's sources are trained one after the other.
  weight: ({ pretrain }, [variant]) =>
    10 *
    (variant.startsWith("std-") && !variant.endsWith("-tokens") ? 1 : pretrain.sourcesPerRound),
};

export async function run(context: StageContext<PretrainParams>): Promise<StageSummary> {
  const { params, inputs, outputs, modules } = context;
  const { variant } = modules.variant as { variant: (id: string) => Variant };
  const { engine } = modules.engine as { engine: Engine };
  const engineOptions: EngineOptions = params.engine;
  const [validation, statistics] = [group(inputs, "validation"), group(inputs, "statistics")];
  const sources = [...group(inputs, "train")].map(([name, train]) =>
    openSource(name, {
      train,
      validation: validation.get(name)!,
      statistics: statistics.get(name)!,
    })
  );
  try {
    const result = await trainRounds({
      ...context,
      variant: variant(params.variant),
      settings: params,
      sources,
      engine,
      engineOptions,
    });
    fillCheckpoint(outputs.last, result.last);
    fillCheckpoint(outputs.best, result.best);
    const lines = result.metrics.map((row) => canonicalJson(row) + "\n").join("");
    writeFileSynced(`${outputs.metrics}/metrics.jsonl`, lines);
    return { bestRound: result.bestRound, validationLossNats: result.bestLossNats };
  } finally {
    for (const { train, validation } of sources) {
      train.close();
      validation.close();
    }
  }
}
