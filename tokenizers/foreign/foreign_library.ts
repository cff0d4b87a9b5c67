/**
 * Calls of the npm package `tokenizers`, and how its worker is asked for them. The package decides ids, so it is part of the key
 * of every result made with it.
 */
import type { Tokenizer } from "tokenizers";

export type Request =
  | { readonly kind: "open"; readonly path: string }
  | { readonly kind: "encode"; readonly texts: readonly string[]; readonly offsets: boolean }
  | { readonly kind: "decode"; readonly ids: readonly number[] };

/** Answers by the kind of request. */
export interface Answers {
  /** Ids by piece. */
  readonly open: Readonly<Record<string, number>>;
  readonly encode: readonly EncodedText[];
  readonly decode: string;
}

export interface EncodedText {
  readonly ids: readonly number[];
  /** Start and end of each piece, in code points. */
  readonly offsets?: readonly (readonly number[])[];
}

/** A message to the worker. */
export interface Work {
  readonly request: Request;
  /**
   * Where the reply goes; it grows as needed. Two 32-bit numbers: 0 while the caller waits, then 1; bytes of the reply. The
   * reply follows as JSON: `Reply`.
   */
  readonly shared: SharedArrayBuffer;
}

export type Reply =
  | { readonly answer: Answers[keyof Answers] }
  | { readonly failure: string };

/** Places in the shared memory: of the two numbers, counted in numbers, and of the reply, in bytes. */
export const [stateAt, lengthAt, replyAt] = [0, 1, 8];

/** Opens a `tokenizer.json`; truncation and padding of the file are turned off. */
export async function openFile(path: string): Promise<Tokenizer> {
  const { Tokenizer } = await import("tokenizers");
  const tokenizer = Tokenizer.fromFile(path);
  tokenizer.disableTruncation();
  tokenizer.disablePadding();
  return tokenizer;
}

/** Answers one request. */
export async function answerTo(
  tokenizer: Tokenizer,
  request: Exclude<Request, { kind: "open" }>,
): Promise<Answers["encode" | "decode"]> {
  if (request.kind === "decode") return await tokenizer.decode([...request.ids], true);
  const encodings = await tokenizer.encodeBatch([...request.texts], { addSpecialTokens: false });
  return encodings.map((encoding) => ({
    ids: encoding.getIds(),
    offsets: request.offsets ? encoding.getOffsets() : undefined,
  }));
}
