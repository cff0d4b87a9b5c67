/**
 * Ids of text of any size, a batch at a time: here, or by worker threads. Every text is encoded as a whole, so that ids are the
 * same for any number of threads.
 */
import type { EncodedTexts, TextsTokenizer } from "../opened_tokenizer.ts";
import { WorkerPool } from "../worker_pool.ts";
import type { ByteStrings } from "./double_array.ts";
import type { EncodingRequest } from "./encoding_thread.ts";
import { UnigramTokenizer } from "./unigram_tokenizer.ts";

/** Bytes of text from which the start of threads costs less than they gain. */
const leastBytes = 8e6;

interface BatchOptions {
  /** Threads that encode; those of tokenizers of others are their own. */
  readonly threads: number;
  /** Of all texts together. */
  readonly bytes: number;
}

/**
 * Each batch with its ids. Memory holds two batches a thread, whose `pool` must be memory of its own: it goes to the thread.
 */
export async function* encodeBatches<Batch extends ByteStrings>(
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  tokenizer: TextsTokenizer,
  { threads, bytes }: BatchOptions,
): AsyncGenerator<[Batch, EncodedTexts]> {
  if (threads <= 1 || bytes < leastBytes || !(tokenizer instanceof UnigramTokenizer)) {
    for await (const batch of batches) yield [batch, tokenizer.encodeTexts(batch)];
    return;
  }
  const module = import.meta.resolve("./encoding_thread.ts");
  const { table, settings, vocabSize } = tokenizer;
  using pool = new WorkerPool<EncodingRequest>(module, threads, { table, settings, vocabSize });
  yield* pool.answers<Batch, EncodedTexts>(batches, ({ pool }) => [pool.buffer]);
}
