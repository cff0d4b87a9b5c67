/**
 * Evaluates counted n-gram models on the test text of every source, as models are evaluated: each source's own counts, in the
 * global vocabulary.
 *
 * in   train/<source>, test/<source>  token shards of the global vocabulary
 *      tokenizer                      pieces, for their bytes
 * out  losses  as those of `evaluate`
 *
 * Source: `datasets/ngram.ts`. The paper has the first of them (UNIGRAM-CE).
 */
import {
  countTokens,
  NgramModel,
  openTokenShards,
  unigramModel,
  windowScorer,
} from "../datasets/mod.ts";
import { group, type Stage, type StageContext, type StageSummary } from "../pipeline/stage.ts";
import { loadPieces } from "../tokenizers/mod.ts";
import { type DocumentLosses, textWindows } from "../training/mod.ts";
import { writeLosses } from "./evaluated_losses.ts";
import { EvaluationProgress } from "./evaluation_progress.ts";
import type { Recipe } from "./recipe.ts";
import { allSources } from "./sources.ts";
import { checkEvaluationText, evaluatedSplit } from "./text_checks.ts";
import { tokenShards } from "./training_inputs.ts";

/** By the name of an instance, the order of the model: the predicted token and those that it is predicted from. */
export const ngramOrders = { unigram: 1, bigram: 2, trigram: 3 } as const;

interface NgramParams {
  readonly order: number;
  readonly seqLen: number;
  readonly bootstrapSamples: number;
}

type Context = StageContext<NgramParams>;

export const ngrams: Stage<Recipe, NgramParams> = {
  name: "ngrams",
  description: "Evaluates counts of tokens, pairs and triples on the test text of every source",
  module: import.meta.url,
  instances: () => Object.keys(ngramOrders).map((name) => [name]),
  check: (_declaration, inputs) => checkEvaluationText(inputs),
  declare: (recipe, [name]) => ({
    inputs: {
      tokenizer: "vocabulary/global#tokenizer",
      ...tokenShards(["train", evaluatedSplit], allSources(recipe), "global"),
    },
    outputs: ["losses"],
    params: {
      order: ngramOrders[name as keyof typeof ngramOrders],
      seqLen: recipe.model.seqLen,
      bootstrapSamples: recipe.evaluate.bootstrapSamples,
    },
    seeds: ["evaluate/bootstrap"],
    weight: 0.2,
  }),
};

export async function run(context: Context): Promise<StageSummary> {
  const { params, inputs, outputs, seed, log } = context;
  const texts = group(inputs, evaluatedSplit);
  const progress = new EvaluationProgress(context, texts);
  const losses = new Map<string, DocumentLosses>();
  for (const source of texts.keys()) {
    losses.set(
      source,
      progress.lossesOf(source, params.seqLen) ?? await scoreSource(context, progress, source),
    );
  }
  const { bootstrapSamples } = params;
  return writeLosses(outputs.losses, losses, {
    bootstrapSamples,
    seed: seed("evaluate/bootstrap"),
    log,
  });
}

async function scoreSource(
  { inputs, params }: Context,
  progress: EvaluationProgress,
  name: string,
): Promise<DocumentLosses> {
  const tokenizer = loadPieces(inputs.tokenizer);
  const train = openTokenShards(inputs[`train/${name}`]);
  const text = openTokenShards(inputs[`${evaluatedSplit}/${name}`]);
  try {
    const model = new NgramModel(train, params.order);
    const score = windowScorer(model, text.ends);
    const sums = progress.sumsOf({
      name,
      text,
      byteLength: (id) => tokenizer.byteLength(id),
      unigram: unigramModel(countTokens(train)),
    });
    for (const window of textWindows(text, params.seqLen, sums.windows)) {
      const nats = score(window);
      sums.add(window, (t) => nats[t]);
      await progress.passed(name, window.start + window.tokens.length);
    }
    return sums.losses;
  } finally {
    train.close();
    text.close();
  }
}
