/**
 * Evaluates a continued model on the test text of every source, held-out ones too.
 *
 * in   model                 checkpoint with a global embedding
 *      test/<source>         token shards of the global vocabulary
 *      statistics/<source>   token counts of the training text, for the unigram baseline
 *      tokenizer             pieces, for their bytes
 * out  losses  `documents.arrow`: a row per document; `summary.json`: sums, measures and intervals per source
 *
 * Source: DEPT §4 (perplexity, UNIGRAM-CE).
 */
import { openTokenShards, readStatistics, unigramModel } from "../datasets/mod.ts";
import { engineModule } from "../engine/mod.ts";
import { languageModelGraph, type ModelConfig } from "../model/mod.ts";
import { StageError, writeFileSynced } from "../base/mod.ts";
import { group, type Stage, type StageContext, type StageSummary } from "../pipeline/stage.ts";
import { loadPieces } from "../tokenizers/mod.ts";
import {
  type DocumentLosses,
  documentLosses,
  encodeDocumentLosses,
  nextTick,
  readCheckpoint,
  type SourceSummary,
  summarise,
  writeTensors,
} from "../training/mod.ts";
import { continuedModels, impossibleStart } from "./continue.ts";
import { engineClaims, type EngineParams, hasNativeEngine, type Recipe } from "./recipe.ts";
import { allSources } from "./sources.ts";
import { checkEvaluationText, evaluatedSplit } from "./text_checks.ts";
import { type EngineModules, tokenShards } from "./training_inputs.ts";

type EvaluateParams = Recipe["evaluate"] & { readonly engine: EngineParams };
type Context = StageContext<EvaluateParams, object, EngineModules>;

export const evaluate: Stage<Recipe, EvaluateParams, object, EngineModules> = {
  name: "evaluate",
  description: "Evaluates a model on the test text of every source",
  module: import.meta.url,
  instances: continuedModels,
  impossible: (_recipe, [variant, start]) => impossibleStart(variant, start),
  check: (_declaration, inputs) => checkEvaluationText(inputs),
  declare: (recipe, [variant, start]) => ({
    inputs: {
      model: `continue/${variant}/${start}#model`,
      tokenizer: "vocabulary/global#tokenizer",
      ...tokenShards([evaluatedSplit, "statistics"], allSources(recipe), "global"),
    },
    outputs: ["losses"],
    params: { ...recipe.evaluate, engine: recipe.engine },
    seeds: ["evaluate/bootstrap"],
    uses: { engine: engineModule(recipe.engine.kind) },
    isNative: hasNativeEngine(recipe),
    claims: engineClaims(recipe),
    weight: 2,
  }),
};

export async function run(context: Context): Promise<StageSummary> {
  const { params, inputs, outputs, modules: { engine: { engine } }, seed, log } = context;
  const { groups, state } = readCheckpoint<{ model: ModelConfig }>(inputs.model);
  const config = state.model;
  const graph = languageModelGraph(config, params.batchSize);
  const program = await engine.compile(graph, params.engine);
  const losses = new Map<string, DocumentLosses>();
  try {
    await writeTensors(program, groups.model);
    for (const source of group(inputs, evaluatedSplit).keys()) {
      losses.set(source, await evaluateSource(context, source, config, program));
    }
  } finally {
    await program.dispose();
  }
  const sources: Record<string, SourceSummary> = {};
  for (const [source, ofDocuments] of losses) {
    const { bootstrapSamples } = params;
    sources[source] = summarise(source, ofDocuments, {
      bootstrapSamples,
      seed: seed("evaluate/bootstrap"),
    });
    log.info(source, { perplexity: sources[source].perplexity });
  }
  writeFileSynced(`${outputs.losses}/documents.arrow`, encodeDocumentLosses(losses));
  const text = JSON.stringify({ format: 1, sources }, null, 2) + "\n";
  writeFileSynced(`${outputs.losses}/summary.json`, text);
  const perplexities = Object.values(sources).map(({ perplexity }) => perplexity);
  return { meanPerplexity: perplexities.reduce((sum, p) => sum + p, 0) / perplexities.length };
}

async function evaluateSource(
  { inputs, params, log, signal }: Context,
  name: string,
  { seqLen, vocabSize }: ModelConfig,
  program: Parameters<typeof documentLosses>[0],
): Promise<DocumentLosses> {
  const tokenizer = loadPieces(inputs.tokenizer);
  const { counts } = readStatistics(inputs[`statistics/${name}`]);
  const text = openTokenShards(inputs[`${evaluatedSplit}/${name}`]);
  try {
    if (text.vocabSize !== vocabSize) {
      throw new StageError(
        `Cannot evaluate source "${name}": expected tokens of the model's vocabulary of ${vocabSize}, ` +
          `found ${text.vocabSize}`,
      );
    }
    return await documentLosses(program, {
      name,
      text,
      byteLength: (id) => tokenizer.byteLength(id),
      unigram: unigramModel(counts),
    }, {
      batchSize: params.batchSize,
      seqLen,
      async onBatch(done) {
        await nextTick();
        signal.throwIfAborted();
        log.progress({ done, total: text.tokens, unit: "tokens", note: name });
      },
    });
  } finally {
    text.close();
  }
}
