/**
 * What a variant decides for training: which vocabulary a source trains with, what is shared, what each source keeps.
 *
 * Source: DEPT Algorithm 1. The body is shared by every variant; the differences all lie in `embedding.*`.
 */
import { cutVocabulary, type SourceVocabulary, wholeVocabulary } from "./local_vocabulary.ts";

/** ϕ, rows are pieces. */
export const tokenEmbedding = "embedding.token.weight";
/** ψ, rows are positions; absent unless positions are learned. */
export const positionEmbedding = "embedding.position.weight";
/** The table of a head that is not tied, rows are pieces: a part of ϕ. */
export const outputEmbedding = "embedding.output.weight";

/** Whether a parameter's rows are pieces, which a variant may cut. */
export function isPieceTable(parameter: string): boolean {
  return parameter === tokenEmbedding || parameter === outputEmbedding;
}

/** Whether a parameter belongs to ϕ or ψ; all others are the body's. */
export function isEmbedding(parameter: string): boolean {
  return parameter.startsWith("embedding.");
}

/** What training does for a variant, as plain data: part of a row of the table in `variants.ts`. */
export interface Variant {
  /** As users type it: `trim`. */
  readonly id: string;
  /** Whose tokenizer made a source's tokens. */
  readonly vocabulary: "global" | "own";
  /** Present where one model is trained: every step draws its batch from all sources, and nothing is averaged. */
  readonly mixture?: Mixture;
  /** Present where rounds are averaged over workers that all draw from the mixture: p ∝ n^τ (Local SGD). */
  readonly workers?: { readonly tau: number };
  /** Whether `embedding.*` begins again with each round, under a schedule of its own (active forgetting). */
  readonly forgetsEmbeddings?: boolean;
  /** Whether a source trains with the rows of V_k only, its tokens renumbered. */
  readonly cutsVocabulary: boolean;
  /** Whether `embedding.*` is sent and averaged like the body. If not, each source keeps its own. */
  readonly sharesEmbeddings: boolean;
  /** Whether no step is taken: the model stays as it was drawn. */
  readonly isUntrained?: boolean;
}

interface Mixture {
  /** Sources are drawn with p ∝ n^τ for n training tokens. */
  readonly tau: number;
  /**
   * `steps`: as many sequential steps as DEPT, a batch each. As many tokens as DEPT, whose rounds have |S_t| sources:
   * `tokens-by-batch` takes |S_t| batches a step, `tokens-by-steps` takes |S_t| times the steps, under a schedule that is as
   * much longer.
   */
  readonly budget: "steps" | "tokens-by-batch" | "tokens-by-steps";
}

/** What a variant must know of a source. */
interface SourceCounts {
  /** Pieces of the tokenizer that made its tokens: |V|, or its own. */
  readonly vocabSize: number;
  /** V_k as global ids, ascending. */
  readonly localVocabulary: Int32Array;
}

/** Whether a parameter is sent and averaged; if not, each source keeps its own. */
export function isShared(variant: Variant, parameter: string): boolean {
  return variant.sharesEmbeddings || !isEmbedding(parameter);
}

/** Whether those who train in a round are sources, each on its own text. */
export function trainsBySource(
  { mixture, workers, isUntrained }: Pick<Variant, "mixture" | "workers" | "isUntrained">,
): boolean {
  return mixture === undefined && workers === undefined && !isUntrained;
}

/** Why a model of this variant has no embedding to start from, or undefined when it has one. */
export function noPretrainedEmbedding(variant: Variant): string | undefined {
  return variant.sharesEmbeddings
    ? undefined
    : `${variant.id} keeps an embedding for each source and ends without a global one; ask for the start "random"`;
}

/** The vocabulary that `variant` lets a source train with. */
export function sourceVocabulary(variant: Variant, source: SourceCounts): SourceVocabulary {
  return variant.cutsVocabulary
    ? cutVocabulary(source.localVocabulary, source.vocabSize)
    : wholeVocabulary(source.vocabSize);
}
