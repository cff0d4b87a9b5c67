/**
 * Turns a source's text into token shards: one instance per source with the global tokenizer, where a variant needs it, one with
 * the source's own, and one with the tokenizer of each import.
 *
 * in   train, validation, test  documents
 *      tokenizer                pieces
 * out  train, validation, test  token shards, the end symbol after each document
 *      statistics               counts of each piece in the training text, V_k, unigram cross-entropy, unknown and byte pieces
 *
 * Source: DEPT §2.2 (TRIM: V_k), §2.3 (SPEC-OPT: a tokenizer for each source).
 */
import {
  openTokenShards,
  readDocumentsReport,
  readDocumentTexts,
  type ResumableFolder,
  resumableFolder,
  type TokenShardState,
  TokenShardWriter,
  writeStatistics,
} from "../datasets/mod.ts";
import { SavePoints } from "../base/mod.ts";
import type { Stage, StageContext, StageSummary } from "../pipeline/stage.ts";
import { encodeBatches, firstByteId, specialIds, type TextsTokenizer } from "../tokenizers/mod.ts";
import { externalModels, partsOf } from "./external_models.ts";
import type { Recipe } from "./recipe.ts";
import { allSources, sourcesWithOwnVocabulary } from "./sources.ts";
import {
  adoptedModule,
  type AdoptedModules,
  adoptedModules,
  hasNativeVocabulary,
  openVocabulary,
} from "./vocabulary_file.ts";

const splits = ["train", "validation", "test"] as const;

/** What cannot change a byte. */
interface TokenizeHints {
  readonly threads: number;
  readonly checkpointEveryMs: number;
}

/** Where a split stands between two batches of documents. */
interface TokenizeState {
  readonly shards: TokenShardState;
  /** Batches that are done. */
  readonly next: number;
  /** The files are whole. */
  readonly isDone: boolean;
}

/** Special pieces and the 256 byte pieces: rows of every local vocabulary. */
const reservedPieces = firstByteId + 256;

type Context = StageContext<object, TokenizeHints, AdoptedModules>;

export const tokenize: Stage<Recipe, object, TokenizeHints, AdoptedModules> = {
  name: "tokenize",
  description: "Turns the text of a source into token shards",
  module: import.meta.url,
  sharesProcess: true,
  instances: (recipe) => [
    ...allSources(recipe).map((source) => [source, "global"]),
    ...sourcesWithOwnVocabulary(recipe).map((source) => [source, "own"]),
    ...allSources(recipe).flatMap((source) =>
      externalModels(recipe).map((id) => partsOf([source, id]))
    ),
  ],
  impossible: (recipe, [source, vocabulary]) =>
    vocabulary === "own" && recipe.outOfDistribution.includes(source)
      ? `source "${source}" is out of distribution: nothing is trained on it, so it has no vocabulary of its own`
      : undefined,
  declare(recipe, [source, vocabulary, name]) {
    const isGlobal = vocabulary === "global";
    const isImported = name !== undefined;
    return {
      inputs: {
        ...Object.fromEntries(
          splits.map((split) => [split, `documents/${source}/${split}#documents` as const]),
        ),
        tokenizer: isImported
          ? `${vocabulary}/${name}#tokenizer`
          : `vocabulary/${isGlobal ? "global" : source}#tokenizer`,
      },
      outputs: [...splits, "statistics"],
      params: {},
      hints: { threads: recipe.engine.threads, checkpointEveryMs: 5000 },
      uses: isImported ? adoptedModule() : isGlobal ? adoptedModules(recipe) : {},
      isNative: isImported || (isGlobal && hasNativeVocabulary(recipe)),
      claims: { threads: recipe.engine.threads },
      weight: 0.5,
    };
  },
};

export async function run(context: Context): Promise<StageSummary> {
  const { outputs } = context;
  using tokenizer = await openVocabulary(context);
  const works = new Map<string, ResumableFolder<TokenizeState>>();
  for (const split of splits) works.set(split, await tokenizeSplit(context, split, tokenizer));
  const files = ["tokens.arrow", "documents.arrow", "shards.json"];
  for (const [split, work] of works) work.publish(outputs[split], files);
  const shards = openTokenShards(outputs.train);
  const validation = openTokenShards(outputs.validation);
  try {
    const { tokens, bytes, distinctTokens } = writeStatistics(outputs.statistics, shards, {
      reservedPieces: tokenizer.special === undefined ? reservedPieces : 0,
      unknownId: (tokenizer.special ?? specialIds).unknown,
      firstByteId: fallsBackToBytes(tokenizer) ? firstByteId : undefined,
      validation,
    });
    return { tokens, bytesPerToken: Number((bytes / tokens).toFixed(3)), distinctTokens };
  } finally {
    shards.close();
    validation.close();
  }
}

/** Whether the rows after the special pieces write text that no other piece can. In BPE on bytes they are pieces like all others. */
function fallsBackToBytes(tokenizer: TextsTokenizer): boolean {
  const last = firstByteId + 0xff;
  return last < tokenizer.vocabSize && tokenizer.piece(firstByteId) === "<0x00>" &&
    tokenizer.piece(last) === "<0xFF>";
}

/** Writes the shards of a split in the checkpoint folder. */
async function tokenizeSplit(
  { inputs, checkpointFolder, hints, signal, log }: Context,
  split: string,
  tokenizer: TextsTokenizer,
): Promise<ResumableFolder<TokenizeState>> {
  const work = resumableFolder<TokenizeState>(checkpointFolder, split, {
    "tokens.arrow": ({ shards }) => shards.tokens.file.bytes,
    "documents.arrow": ({ shards }) => shards.ends.file.bytes,
  });
  if (work.state?.isDone) return work;
  const { documents: total, bytes } = readDocumentsReport(inputs[split]);
  const options = { vocabSize: tokenizer.vocabSize, endId: (tokenizer.special ?? specialIds).end };
  using writer = new TokenShardWriter(work.folder, options, work.state?.shards);
  let at = work.state?.next ?? 0;
  const points = new SavePoints({
    signal,
    everyMs: hints.checkpointEveryMs,
    save: () => work.save({ shards: writer.state(), next: at, isDone: false }),
  });
  const encoded = encodeBatches(readDocumentTexts(inputs[split], at), tokenizer, {
    threads: hints.threads,
    bytes,
  });
  for await (const [{ starts, next }, { ids, ends }] of encoded) {
    points.pass();
    for (let i = 0; i < ends.length; i++) {
      const own = ids.subarray(i === 0 ? 0 : ends[i - 1], ends[i]);
      writer.add({ ids: own, bytes: starts[i + 1] - starts[i] });
    }
    at = next;
    log.progress({ done: writer.documents, total, unit: "documents", note: split });
  }
  const shards = writer.state();
  writer.finish();
  work.save({ shards, next: at, isDone: true });
  return work;
}
