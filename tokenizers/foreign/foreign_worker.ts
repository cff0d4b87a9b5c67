/**
 * Runs the npm package `tokenizers`, whose calls are asynchronous, for a caller who waits (`foreign_tokenizer.ts`).
 *
 * Answers go into memory shared with the caller: the length in bytes, then JSON.
 */
/// <reference lib="deno.worker" />
import type { Tokenizer } from "tokenizers";
import { messageOf } from "../../base/mod.ts";
import { answerTo, openFile } from "./foreign_library.ts";
import { type Answer, answerAt, lengthAt, stateAt, type Work } from "./foreign_protocol.ts";

let tokenizer: Tokenizer | undefined;

self.onmessage = async ({ data }: MessageEvent<Work>) => {
  let answer: Answer;
  try {
    if (data.request.kind === "open") {
      tokenizer = await openFile(data.request.path);
      answer = { kind: "opened", vocabulary: tokenizer.getVocab(true) };
    } else {
      answer = await answerTo(tokenizer!, data.request);
    }
  } catch (error) {
    answer = { kind: "failed", message: messageOf(error) };
  }
  const bytes = new TextEncoder().encode(JSON.stringify(answer));
  const { shared } = data;
  if (shared.byteLength < answerAt + bytes.length) shared.grow(answerAt + bytes.length);
  new Uint8Array(shared, answerAt).set(bytes);
  const numbers = new Int32Array(shared, 0, 2);
  numbers[lengthAt] = bytes.length;
  Atomics.store(numbers, stateAt, 1);
  Atomics.notify(numbers, stateAt);
};
