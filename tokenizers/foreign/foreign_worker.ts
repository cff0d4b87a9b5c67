/**
 * Runs the npm package `tokenizers`, whose calls are asynchronous, for a caller who waits (`foreign_tokenizer.ts`).
 *
 * Answers go into memory shared with the caller: the length in bytes, then JSON.
 */
import type { Tokenizer } from "tokenizers";
import { answerTo, openFile } from "./foreign_library.ts";
import { type Answer, answerAt, lengthAt, stateAt, type Work } from "./foreign_protocol.ts";

// Only ever the main module of a worker.
{
  const scope = globalThis as unknown as { onmessage: (event: MessageEvent<Work>) => void };
  let tokenizer: Tokenizer | undefined;
  scope.onmessage = async ({ data }: MessageEvent<Work>) => {
    let answer: Answer;
    try {
      if (data.request.kind === "open") {
        tokenizer = await openFile(data.request.path);
        answer = { kind: "opened", vocabulary: tokenizer.getVocab(true) };
      } else {
        answer = await answerTo(tokenizer!, data.request);
      }
    } catch (error) {
      answer = { kind: "failed", message: error instanceof Error ? error.message : String(error) };
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
}
