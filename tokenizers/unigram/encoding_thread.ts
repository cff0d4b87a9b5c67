/**
 * A worker thread that encodes (`encode_batches.ts`): it loads a tokenizer, then answers with the ids of one batch after another.
 */
import type { EncodedTexts } from "../opened_tokenizer.ts";
import { answerRequests } from "../worker_thread.ts";
import type { ByteStrings } from "./double_array.ts";
import { loadTokenizer } from "./tokenizer_file.ts";
import type { UnigramTokenizer } from "./unigram_tokenizer.ts";

/** First the folder of the tokenizer. */
export type EncodingRequest = { readonly folder: string } | ByteStrings;

let tokenizer: UnigramTokenizer;

answerRequests((request: EncodingRequest) => {
  if ("folder" in request) {
    tokenizer = loadTokenizer(request.folder);
    return { answer: undefined, transfer: [] };
  }
  const isShort = tokenizer.vocabSize <= 0x10000;
  const answer: EncodedTexts = isShort
    ? tokenizer.encodeTextsShort(request)
    : tokenizer.encodeTexts(request);
  return { answer, transfer: [answer.ids.buffer, answer.ends.buffer] };
});
