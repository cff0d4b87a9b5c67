/**
 * Continues a pre-trained body on the mixture of all sources, from a new global embedding or from its own.
 *
 * in   best            checkpoint of pre-training
 *      train/<source>  token shards of the global vocabulary
 * out  model    checkpoint with a global embedding
 *      metrics  `metrics.jsonl`: mean losses along the run
 *
 * Source: DEPT §3.5.
 */
import type { Engine } from "../engine/mod.ts";
import { engineModule } from "../engine/mod.ts";
import { openTokenShards } from "../datasets/mod.ts";
import { canonicalJson, writeFileSynced } from "../pipeline/base/mod.ts";
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
  noPretrainedEmbedding,
  readCheckpoint,
  variantEntry,
} from "../training/mod.ts";
import { type EngineParams, type Recipe, sourcesOf } from "./recipe.ts";

export interface ContinueParams extends ContinuationSettings {
  readonly engine: EngineParams;
}

export const continuation: Stage<Recipe, ContinueParams> = {
  name: "continue",
  description: "Continues a pre-trained body from a new global embedding, or from its own",
  module: import.meta.url,
  instances: (recipe) =>
    recipe.pretrain.variants.flatMap((variant) =>
      recipe.continue.starts
        .filter((start) => impossibleStart(variant, start) === undefined)
        .map((start) => [variant, start])
    ),
  impossible: (_recipe, [variant, start]) => impossibleStart(variant, start),
  inputs(recipe, [variant]) {
    const train = sourcesOf(recipe).map((source): [string, OutputRef] => [
      `train/${source}`,
      `tokenize/${source}/global#train`,
    ]);
    return { best: `pretrain/${variant}#best`, ...Object.fromEntries(train) };
  },
  outputs: ["model", "metrics"],
  params: ({ model, engine, continue: { starts: _, ...settings } }, [variant, start]) => ({
    ...settings,
    variant,
    start: start as ContinuationStart,
    model,
    engine,
  }),
  seeds: continuationSeeds,
  uses: ({ engine }) => ({ engine: engineModule(engine.kind) }),
  weight: () => 5,
};

/** Why `continue/<variant>/<start>` cannot exist, else undefined. */
export function impossibleStart(variant: string, start: string): string | undefined {
  return start === "pretrained"
    ? noPretrainedEmbedding({ id: variant, ...variantEntry(variant) })
    : undefined;
}

export async function run(context: StageContext<ContinueParams>): Promise<StageSummary> {
  const { params, inputs, outputs, modules } = context;
  const { engine } = modules.engine as { engine: Engine };
  const sources = [...group(inputs, "train")].map(([name, folder]) => ({
    name,
    train: openTokenShards(folder),
  }));
  try {
    const { model, metrics, lossNatsLast } = await continueTraining({
      ...context,
      settings: params,
      from: readCheckpoint(inputs.best),
      sources,
      engine,
      engineOptions: params.engine,
    });
    fillCheckpoint(outputs.model, model);
    const lines = metrics.map((row) => canonicalJson(row) + "\n").join("");
    writeFileSynced(`${outputs.metrics}/metrics.jsonl`, lines);
    return { lossNatsLast };
  } finally {
    for (const { train } of sources) train.close();
  }
}
