/**
 * A source as training sees it, and the parameters that a variant starts it from.
 */
import {
  localVocabulary,
  openTokenShards,
  openTokenStream,
  readStatistics,
  type StreamPart,
  type TokenShards,
  type TokenStream,
  type WindowOrder,
} from "../datasets/mod.ts";
import {
  initialiseBody,
  initialiseTable,
  type ModelConfig,
  parameterShapes,
} from "../model/mod.ts";
import { messageOf, type Seed, StageError } from "../base/mod.ts";
import type { NamedTensor, Tensors } from "./checkpoint.ts";
import { renumber, type SourceVocabulary } from "./local_vocabulary.ts";
import { takeRows } from "./outer_step.ts";
import type { ModelShape } from "./settings.ts";
import {
  isShared,
  outputEmbedding,
  positionEmbedding,
  tokenEmbedding,
  type Variant,
} from "./variant.ts";
import type { CountedWindows } from "./windows.ts";

export interface TrainingSource {
  readonly name: string;
  readonly train: TokenShards;
  readonly validation: TokenShards;
  /** V_k as ids of the tokenizer that made the shards, ascending. */
  readonly localVocabulary: Int32Array;
}

/** A source whose text another process has, as that process declares it. */
export interface DeclaredSource {
  readonly name: string;
  readonly train: Pick<TokenShards, "tokens" | "vocabSize">;
  /** What it trains with. The rows are known only where the leader cuts a shared table to them. */
  readonly vocabulary: SourceVocabulary;
}

/** A source of a run, whoever has its text. */
export type RunSource = TrainingSource | DeclaredSource;

/** The text of a source. @throws StageError where another process has it */
export function withText(source: RunSource): TrainingSource {
  if ("validation" in source) return source;
  throw new StageError(
    `Cannot read the text of source "${source.name}": expected it here, found only what its silo declares`,
  );
}

/** Opens what `tokenize` made of a source, by its folders. Close both splits after use. */
export function openSource(
  name: string,
  folders: { readonly train: string; readonly validation: string; readonly statistics: string },
): TrainingSource {
  const { counts, reservedPieces } = readStatistics(folders.statistics);
  return {
    name,
    train: openTokenShards(folders.train),
    validation: openTokenShards(folders.validation),
    localVocabulary: localVocabulary(counts, reservedPieces),
  };
}

/** Seeds by name, as a stage's context gives them. */
export type SeedOf = (name: string) => Seed;

/** Names of all seeds that pre-training draws from. */
export const pretrainSeeds = [
  "init/body",
  "init/positions",
  "init/positions/*",
  "init/embedding/*",
  "round/*/sources",
  "order/*",
] as const;

/** The seeds of what participants draw themselves, by name: for another process. */
export function participantSeeds(
  variant: Variant,
  sources: readonly string[],
  seed: SeedOf,
): Record<string, Seed> {
  const names = sources.flatMap((source) => {
    const pieces = piecesSeed(variant, source);
    return [`order/${source}/${variant.vocabulary}`, pieces, `${pieces}/output`];
  });
  const all = ["order/mixture", "init/positions", ...names];
  return Object.fromEntries(all.map((name) => [name, seed(name)]));
}

/** The name of the seed of a source's own table. */
function piecesSeed(variant: Variant, source: string): string {
  return `init/embedding/${variant.vocabulary === "own" ? source : "global"}`;
}

/** Shared parameters before the first round: the body, and for variants that share it the global embedding. */
export function initialShared(
  variant: Variant,
  model: ModelShape,
  globalVocabSize: number,
  seed: SeedOf,
): Tensors {
  const config = { ...model, vocabSize: globalVocabSize };
  const body = shaped(config, initialiseBody(config, seed("init/body")));
  if (!variant.sharesEmbeddings) return body;
  const names = { pieces: "init/embedding/global", positions: "init/positions" };
  return { ...body, ...drawEmbedding(model, globalVocabSize, seed, names) };
}

/** Values with the shapes that a configuration gives their names. */
export function shaped(
  config: ModelConfig,
  values: Readonly<Record<string, Float32Array>>,
): Tensors {
  const shapes = parameterShapes(config);
  return Object.fromEntries(
    Object.entries(values).map(([name, data]) => [name, { shape: shapes[name], data }]),
  );
}

/**
 * What a source keeps to itself when it is first sampled. With the global tokenizer row j of V_k begins as row j of the
 * global table, so that variants start from the same vectors.
 */
export function initialLocal(
  variant: Variant,
  source: RunSource,
  vocabulary: SourceVocabulary,
  model: ModelShape,
  seed: SeedOf,
): Tensors {
  const names = { pieces: piecesSeed(variant, source.name), positions: "init/positions" };
  return drawEmbedding(model, source.train.vocabSize, seed, names, vocabulary.rows);
}

/**
 * The `embedding.*` that a model of `rows` pieces has, at random.
 * @param names Of the seeds; the table of a head that is not tied has `<pieces>/output`.
 * @param kept The rows of tables by piece that are kept; all when absent.
 */
export function drawEmbedding(
  { dModel, seqLen, positions, tiedEmbeddings = true }: ModelShape,
  rows: number,
  seed: SeedOf,
  names: { readonly pieces: string; readonly positions: string },
  kept?: Int32Array,
): Tensors {
  const draw = (rows: number, name: string): NamedTensor => ({
    shape: [rows, dModel],
    data: initialiseTable(rows, dModel, seed(name)),
  });
  const pieces = (name: string) => {
    const whole = draw(rows, name);
    return kept === undefined ? whole : takeRows(whole, kept);
  };
  return {
    ...(tiedEmbeddings ? {} : { [outputEmbedding]: pieces(`${names.pieces}/output`) }),
    ...(positions === "learned" ? { [positionEmbedding]: draw(seqLen, names.positions) } : {}),
    [tokenEmbedding]: pieces(names.pieces),
  };
}

/** The parameters of `tensors` that a source keeps to itself. */
export function localPart(variant: Variant, tensors: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).filter(([name]) => !isShared(variant, name)),
  );
}

/** The parameters of `tensors` that travel. */
export function sharedPart(variant: Variant, tensors: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).filter(([name]) => isShared(variant, name)),
  );
}

/** A source's windows in its own order, with local ids. */
export function sourceWindows(
  variant: Variant,
  source: TrainingSource,
  vocabulary: SourceVocabulary,
  cut: WindowCut,
  seed: SeedOf,
): CountedWindows {
  const stream = openStream(source, cut, seed(`order/${source.name}/${variant.vocabulary}`));
  return {
    next: () => renumber(stream.next(), vocabulary),
    get position() {
      return stream.position;
    },
    seek: (position) => stream.seek(position as TokenStream["position"]),
    get exposure() {
      const { windows: epochWindows, position: { epoch, taken } } = stream;
      return [{ source: source.name, windows: epoch * epochWindows + taken, epochWindows }];
    },
  };
}

/** How windows are cut, and which of them are read. */
export interface WindowCut {
  readonly seqLen: number;
  /** All when absent. */
  readonly part?: StreamPart;
  /** Default `shuffled`. */
  readonly order?: WindowOrder;
}

/** The part of a source's windows that pre-training reads, or continuation, which keeps a share of them for itself. */
export function partOf(of: StreamPart["of"], share: number): { readonly part?: StreamPart } {
  return share === 0 ? {} : { part: { of, share } };
}

/** The stream of a source's training text. @throws StageError naming the source, when it has too few windows. */
export function openStream(
  { name, train }: Pick<TrainingSource, "name" | "train">,
  cut: WindowCut,
  seed: Seed,
): TokenStream {
  try {
    return openTokenStream(train, { ...cut, seed });
  } catch (cause) {
    throw new StageError(`Cannot train on source "${name}": ${messageOf(cause)}`, { cause });
  }
}
