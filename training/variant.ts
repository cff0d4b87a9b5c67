/**
 * What a variant of DEPT decides: which vocabulary a source trains with, what travels, what stays.
 *
 * Source: DEPT Algorithm 1. The body is shared by every variant; the differences all lie in `embedding.*`.
 */
import { cutVocabulary, type SourceVocabulary, wholeVocabulary } from "./local_vocabulary.ts";

/** ϕ, rows are pieces. */
export const tokenEmbedding = "embedding.token.weight";
/** ψ, rows are positions; absent with ALiBi. */
export const positionEmbedding = "embedding.position.weight";

/** A variant: an entry of the table in `variants/mod.ts`, a file each. */
export interface Variant {
  /** As users type it: `trim`. */
  readonly id: string;
  /** Whose tokenizer made a source's tokens. */
  readonly vocabulary: "global" | "own";
  /** Present for baselines: every step draws its batch from all sources, and nothing is averaged. */
  readonly mixture?: Mixture;
  /** Present where rounds are averaged over workers that all draw from the mixture: p ∝ n^τ (Local SGD). */
  readonly workers?: { readonly tau: number };
  /** Whether `embedding.*` begins anew with each round, under a schedule of its own (active forgetting). */
  readonly forgetsEmbeddings?: boolean;
  /** Whether a source trains with the rows of V_k only, its tokens renumbered. */
  readonly cutsVocabulary: boolean;
  /** Whether `embedding.*` is sent and averaged like the body. If not, each source keeps its own. */
  readonly sharesEmbeddings: boolean;
}

export interface Mixture {
  /** Sources are drawn with p ∝ n^τ for n training tokens. */
  readonly tau: number;
  /** Whether a step takes |S_t| batches, so that as many tokens are seen as with DEPT. */
  readonly equalTokens: boolean;
  /** The only source that is drawn from; absent for all. */
  readonly only?: string;
}

/** What a variant must know of a source. */
export interface SourceCounts {
  /** Pieces of the tokenizer that made its tokens: |V|, or its own. */
  readonly vocabSize: number;
  /** V_k as global ids, ascending. */
  readonly localVocabulary: Int32Array;
}

export function isShared(variant: Variant, parameter: string): boolean {
  return variant.sharesEmbeddings || !parameter.startsWith("embedding.");
}

/** Why a model of this variant has no embedding to start from, or undefined when it has one. */
export function noPretrainedEmbedding(variant: Pick<Variant, "id" | "sharesEmbeddings">) {
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
