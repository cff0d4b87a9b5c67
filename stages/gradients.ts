/**
 * Measures, for a bound of local SGD, how the gradients of a run look: how fast they change, how much batches of a source and how much
 * sources differ, at the parameters that pre-training began with and at those that it ended with.
 *
 * in   model                                        checkpoint of pre-training, its last
 *      train/<source>, validation/<source>, statistics/<source>  as for `pretrain`
 * out  constants  `constants.json`: `start` and `end`, see `training/gradient_constants.ts`
 */
import { UsageError, writeFileSynced } from "../base/mod.ts";
import { engineModule, type TrainingProgram } from "../engine/mod.ts";
import { differentiate, languageModelGraph } from "../model/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import {
  type BatchGradient,
  type GradientConstants,
  gradientConstants,
  initialShared,
  partOf,
  pretrainSeeds,
  readCheckpoint,
  sourceWindows,
  type Tensors,
  type Variant,
  variantNamed,
  wholeVocabulary,
  windowFeeds,
} from "../training/mod.ts";
import { engineClaims, type EngineParams, hasNativeEngine, type Recipe } from "./recipe.ts";
import { sourcesOf } from "./sources.ts";
import { type EngineModules, tokenShards, withTraining } from "./training_inputs.ts";

type GradientParams =
  & Pick<Recipe["pretrain"], "batchSize">
  & NonNullable<Recipe["bound"]>
  & {
    readonly variant: Variant;
    readonly model: Recipe["model"];
    readonly engine: EngineParams;
    readonly continuationShare: number;
  };

/** What the stage writes. */
export interface MeasuredConstants {
  readonly start: GradientConstants;
  readonly end: GradientConstants;
}

export const gradients: Stage<Recipe, GradientParams, object, EngineModules> = {
  name: "gradients",
  description: "Measures smoothness, noise and drift of the gradients of a run",
  module: import.meta.url,
  instances: (recipe) => recipe.bound === null ? [] : boundVariants(recipe).map((id) => [id]),
  declare(recipe, [id]) {
    const { model, engine, bound, pretrain: { batchSize } } = recipe;
    if (bound === null) throw new UsageError(noBound("gradients"));
    return {
      inputs: {
        model: `pretrain/${id}#last`,
        ...tokenShards(["train", "validation", "statistics"], sourcesOf(recipe), "global"),
      },
      outputs: ["constants"],
      params: {
        ...bound,
        ...{ variant: variantNamed(id).training, model, engine, batchSize },
        continuationShare: recipe.continue.share,
      },
      seeds: pretrainSeeds,
      uses: { engine: engineModule(engine.kind) },
      isNative: hasNativeEngine(recipe),
      claims: engineClaims(recipe),
      weight: 0.5,
    };
  },
};

/** Why something that needs the constants cannot be made. */
export function noBound(what: string): string {
  return `Cannot make ${what}: expected the setting bound, found none; run with --set 'bound={batches: 8, smoothnessSteps: 6}'`;
}

/** Variants that average one whole model over sources: the setting of the bound. */
export function boundVariants({ pretrain: { variants } }: Recipe): readonly string[] {
  return variants.filter((id) => {
    const { mixture, workers, isUntrained, cutsVocabulary, sharesEmbeddings, forgetsEmbeddings } =
      variantNamed(id).training;
    return sharesEmbeddings && !cutsVocabulary &&
      !(mixture || workers || isUntrained || forgetsEmbeddings);
  });
}

export async function run(
  context: StageContext<GradientParams, object, EngineModules>,
): Promise<StageSummary> {
  const { params, inputs, outputs, seed, log } = context;
  const { variant, model, batchSize, batches, smoothnessSteps, continuationShare } = params;
  return await withTraining(context, async ({ sources, engine }) => {
    const { vocabSize } = sources[0].train;
    const vocabulary = wholeVocabulary(vocabSize);
    const cut = { seqLen: model.seqLen, ...partOf("rest", continuationShare) };
    const shape = { batchSize, seqLen: model.seqLen, weight: 1 / (batchSize * (model.seqLen - 1)) };
    const feeds = sources.map((source) => {
      const windows = sourceWindows(variant, source, vocabulary, cut, seed);
      return Array.from(
        { length: batches },
        () => windowFeeds(Array.from({ length: batchSize }, () => windows.next()), shape),
      );
    });
    const program = await engine.compileTraining(
      differentiate(languageModelGraph({ ...model, vocabSize }, batchSize)),
      { ...params.engine, optimizer: firstMomentIsGradient },
    );
    try {
      const layout = program.graph.parameters;
      const names = Object.keys(layout).sort();
      const gradientOf: BatchGradient = async (source, batch, at) => {
        await program.write(parted(program, names, at));
        const { loss } = await program.accumulate(feeds[source][batch]);
        await program.update({ learningRate: 0, clipNorm: Infinity });
        const { moments } = await program.readOptimizer();
        return { gradient: joined(names.map((name) => moments[`${name}.m`])), loss: loss[0] };
      };
      const sample = { sources: sources.length, batches, smoothnessSteps };
      const measure = (tensors: Tensors) =>
        gradientConstants(gradientOf, joined(names.map((name) => tensors[name].data)), sample);
      const start = await measure(initialShared(variant, model, vocabSize, seed));
      const end = await measure(readCheckpoint(inputs.model).groups.model);
      log.info("measured", { start, end });
      const made: MeasuredConstants = { start, end };
      writeFileSynced(`${outputs.constants}/constants.json`, JSON.stringify(made, null, 2) + "\n");
      return { smoothness: Math.max(start.smoothness, end.smoothness) };
    } finally {
      await program.dispose();
    }
  });
}

/** With these the first moment after an update is the gradient itself. */
const firstMomentIsGradient = { beta1: 0, beta2: 0, epsilon: 1, weightDecay: 0 };

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function parted(
  { graph: { parameters } }: Pick<TrainingProgram, "graph">,
  names: readonly string[],
  all: Float32Array,
): Record<string, Float32Array> {
  let at = 0;
  return Object.fromEntries(names.map((name) => {
    const length = parameters[name].shape.reduce((product, size) => product * size, 1);
    return [name, all.subarray(at, at += length)];
  }));
}
