/**
 * Requests of a tokenizer to its worker, and the answers.
 */

export type Request =
  | { readonly kind: "open"; readonly path: string }
  | { readonly kind: "encode"; readonly texts: readonly string[]; readonly offsets: boolean }
  | { readonly kind: "decode"; readonly ids: readonly number[] };

export type Answer =
  | { readonly kind: "opened"; readonly vocabulary: Readonly<Record<string, number>> }
  | { readonly kind: "encoded"; readonly texts: readonly EncodedText[] }
  | { readonly kind: "decoded"; readonly text: string }
  | { readonly kind: "failed"; readonly message: string };

export interface EncodedText {
  readonly ids: readonly number[];
  /** Start and end of each piece, in code points. */
  readonly offsets?: readonly (readonly number[])[];
}

/** Places in the shared numbers: 0 waiting, 1 answered; bytes of the answer. The answer follows at byte 8. */
export const stateAt = 0;
export const lengthAt = 1;
export const answerAt = 8;

/** A message to the worker. */
export interface Work {
  readonly request: Request;
  /** Where the answer goes; it grows as needed. */
  readonly shared: SharedArrayBuffer;
}
