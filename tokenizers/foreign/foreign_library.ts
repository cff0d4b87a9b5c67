/**
 * Calls of the npm package `tokenizers`, and how its worker is asked for them. The package decides ids, so it is part of the key
 * of every result made with it.
 */
import type { Tokenizer } from "tokenizers";
import { type LossRules, lostCharacter } from "./lost_text.ts";

export type Request =
  | { readonly kind: "open"; readonly json: string }
  | {
    readonly kind: "encode";
    readonly texts: readonly string[];
    readonly offsets: boolean;
    /** Of a file that can lose text. */
    readonly loss?: LossRules;
  }
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
  /** Text that has no pieces. */
  | { readonly lost: string }
  /** The library refuses; it is not asked again. */
  | { readonly failure: string };

/** Places in the shared memory: of the two numbers, counted in numbers, and of the reply, in bytes. */
export const [stateAt, lengthAt, replyAt] = [0, 1, 8];

/** Opens the text of a `tokenizer.json`; truncation and padding of the file are turned off. */
export async function openFile(json: string): Promise<Tokenizer> {
  const { Tokenizer } = await import("tokenizers");
  const tokenizer = Tokenizer.fromString(json);
  tokenizer.disableTruncation();
  tokenizer.disablePadding();
  return tokenizer;
}

/** Answers one request. */
export async function answerTo(
  tokenizer: Tokenizer,
  request: Exclude<Request, { kind: "open" }>,
): Promise<Reply> {
  if (request.kind === "decode") {
    return { answer: await tokenizer.decode([...request.ids], true) };
  }
  const { texts, offsets, loss } = request;
  for (const text of loss === undefined ? [] : texts) {
    const character = lostCharacter(text, loss!, tokenizer);
    if (character === undefined) continue;
    return { lost: `${JSON.stringify(character)} in ${JSON.stringify(text.slice(0, 40))}` };
  }
  const encodings = await tokenizer.encodeBatch([...texts], { addSpecialTokens: false });
  const answer = encodings.map((encoding) => ({
    ids: encoding.getIds(),
    offsets: offsets ? encoding.getOffsets() : undefined,
  }));
  return { answer };
}
