/**
 * SPEC-OPT: as SPEC, with a tokenizer trained on the source alone.
 *
 * Source: DEPT §2.3.
 */
import type { Variant } from "../variant.ts";

export function variant(id: string): Variant {
  return { id, vocabulary: "own", cutsVocabulary: false, sharesEmbeddings: false };
}
