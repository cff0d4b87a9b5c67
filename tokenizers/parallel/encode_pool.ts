/**
 * Encoding over several workers, each with a tokenizer and a cache of its own. Ids do not depend on how text is dealt out:
 * every text is encoded as a whole, and a cache changes no result.
 */
import { type OpenOptions, openTokenizer } from "../open_tokenizer.ts";
import type { OpenedTokenizer } from "../opened_tokenizer.ts";
import { WorkerThread } from "../worker_thread.ts";
import { answerRequest, type EncodeAnswer, type EncodeRequest } from "./encode_request.ts";

/** What a worker is asked: first to open a tokenizer, then to encode. */
export type PoolRequest = (OpenOptions & { readonly path: string }) | EncodeRequest;

interface PoolOptions extends OpenOptions {
  /** Workers; 1: this thread does it, and there are none. */
  readonly threads: number;
}

/** Requests that wait at a worker besides the one it answers. */
const queuedAtWorker = 1;

export class EncodePool implements Disposable {
  readonly #tokenizer: OpenedTokenizer | undefined;
  readonly #workers: WorkerThread<PoolRequest>[] = [];
  #sent = 0;

  private constructor(tokenizer: OpenedTokenizer | undefined) {
    this.#tokenizer = tokenizer;
  }

  /** @throws StageError for a path that holds no tokenizer */
  static async open(
    path: string,
    { threads, exactTies = false }: PoolOptions,
  ): Promise<EncodePool> {
    const tokenizer = await openTokenizer(path, { exactTies });
    if (threads <= 1 || tokenizer.kind === "foreign") return new EncodePool(tokenizer); // a foreign tokenizer has threads of its own
    tokenizer[Symbol.dispose]();
    const pool = new EncodePool(undefined);
    for (let i = 0; i < threads; i++) {
      const worker = new WorkerThread<PoolRequest>(import.meta.resolve("./encode_worker.ts"));
      worker.request({ path, exactTies }).catch(() => {}); // the first answer says it
      pool.#workers.push(worker);
    }
    return pool;
  }

  /** Answers requests in their order, several at a time; no more are taken than are worked on. */
  async *encode(
    requests: AsyncIterable<EncodeRequest> | Iterable<EncodeRequest>,
  ): AsyncGenerator<EncodeAnswer> {
    const most = this.#workers.length * (1 + queuedAtWorker);
    const open: Promise<EncodeAnswer>[] = [];
    for await (const request of requests) {
      if (this.#tokenizer !== undefined) {
        yield answerRequest(this.#tokenizer, request);
        continue;
      }
      const answer = this.#send(request);
      answer.catch(() => {}); // it is thrown where the answer is awaited
      open.push(answer);
      if (open.length >= most) yield await open.shift()!;
    }
    for (const answer of open) yield await answer;
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.close();
    this.#tokenizer?.[Symbol.dispose]();
  }

  /** Workers are asked in turn: requests are of similar size. */
  #send(request: EncodeRequest): Promise<EncodeAnswer> {
    const worker = this.#workers[this.#sent++ % this.#workers.length];
    const { input } = request;
    return worker.request(request, input instanceof Uint8Array ? [input.buffer] : []);
  }
}
