/**
 * A worker thread that encodes (`encode_batches.ts`): it is given the pieces of a tokenizer, then answers with the ids of one batch
 * after another.
 */
import type { EncodedTexts } from "../opened_tokenizer.ts";
import { answerRequests } from "../worker_thread.ts";
import type { ByteStrings } from "./double_array.ts";
import { encodingOf } from "./encoding_settings.ts";
import type { PieceTable } from "./piece_table.ts";
import type { UnigramSettings } from "./settings.ts";
import { UnigramTextEncoder } from "./text_encoder.ts";

/** A tokenizer as it goes to a thread: made there again from its file, it would take as long as megabytes of text. */
interface SentTokenizer {
  readonly table: PieceTable;
  readonly settings: UnigramSettings;
  readonly vocabSize: number;
}

/** First the tokenizer. */
export type EncodingRequest = SentTokenizer | ByteStrings;

let encoder: UnigramTextEncoder;
/** Whether ids fit into 16 bits. */
let isShort: boolean;

answerRequests((request: EncodingRequest) => {
  if ("table" in request) {
    encoder = new UnigramTextEncoder(request.table, ...encodingOf(request.settings));
    isShort = request.vocabSize <= 0x10000;
    return { answer: undefined, transfer: [] };
  }
  const answer: EncodedTexts = isShort
    ? encoder.encodeTextsShort(request)
    : encoder.encodeTexts(request);
  return { answer, transfer: [answer.ids.buffer, answer.ends.buffer] };
});
