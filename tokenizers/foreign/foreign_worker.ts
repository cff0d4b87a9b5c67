/**
 * Runs the npm package `tokenizers`, whose calls are asynchronous, for a caller who waits (`foreign_tokenizer.ts`).
 */
/// <reference lib="deno.worker" />
import type { Tokenizer } from "tokenizers";
import { messageOf } from "../../base/mod.ts";
import {
  answerTo,
  lengthAt,
  openFile,
  type Reply,
  replyAt,
  stateAt,
  type Work,
} from "./foreign_library.ts";

let tokenizer: Tokenizer | undefined;

self.onmessage = async ({ data: { request, shared } }: MessageEvent<Work>) => {
  let reply: Reply;
  try {
    if (request.kind === "open") {
      tokenizer = await openFile(request.json);
      reply = { answer: tokenizer.getVocab(true) };
    } else reply = await answerTo(tokenizer!, request);
  } catch (error) {
    reply = { failure: messageOf(error) };
  }
  const bytes = new TextEncoder().encode(JSON.stringify(reply));
  if (shared.byteLength < replyAt + bytes.length) shared.grow(replyAt + bytes.length);
  new Uint8Array(shared, replyAt).set(bytes);
  const numbers = new Int32Array(shared, 0, 2);
  numbers[lengthAt] = bytes.length;
  Atomics.store(numbers, stateAt, 1);
  Atomics.notify(numbers, stateAt);
};
