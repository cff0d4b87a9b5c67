/**
 * Calls of the npm package `tokenizers`. It decides ids, so it is part of the key of every result made with it.
 */
import type { Tokenizer } from "tokenizers";
import type { Answer, Request } from "./foreign_protocol.ts";

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
): Promise<Answer> {
  if (request.kind === "decode") {
    return { kind: "decoded", text: await tokenizer.decode([...request.ids], true) };
  }
  const encodings = await tokenizer.encodeBatch([...request.texts], { addSpecialTokens: false });
  return {
    kind: "encoded",
    texts: encodings.map((encoding) => ({
      ids: encoding.getIds(),
      offsets: request.offsets ? encoding.getOffsets() : undefined,
    })),
  };
}
