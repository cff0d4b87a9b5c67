/**
 * What the npm package `tokenizers` does for us: it decides ids, so it is part of what a result is made from.
 */
import type { Tokenizer } from "tokenizers";
import type { Answer, Request } from "./foreign_protocol.ts";

/** Opens a `tokenizer.json`; what the file says of truncation and padding does not count. */
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
