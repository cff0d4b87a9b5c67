/**
 * Encoding over several workers, each with a tokenizer and a cache of its own. Ids do not depend on how text is dealt out:
 * every text is encoded as a whole, and a cache changes no result.
 */
import { type OpenOptions, openTokenizer } from "../open_tokenizer.ts";
import type { OpenedTokenizer } from "../opened_tokenizer.ts";
import { answerRequest, type EncodeAnswer, type EncodeRequest } from "./encode_request.ts";

export type PoolMessage =
  | { readonly kind: "open"; readonly path: string; readonly exactTies: boolean }
  | { readonly kind: "encode"; readonly number: number; readonly request: EncodeRequest };

export type PoolReply =
  | { readonly number: number; readonly answer: EncodeAnswer; readonly error?: undefined }
  | { readonly number: number; readonly error: unknown; readonly answer?: undefined };

interface PoolOptions extends OpenOptions {
  /** Workers; 1: this thread does it, and there are none. */
  readonly threads: number;
}

/** Requests that wait at a worker besides the one it answers. */
const queuedAtWorker = 1;

export class EncodePool implements Disposable {
  readonly #tokenizer: OpenedTokenizer | undefined;
  readonly #workers: Worker[] = [];
  readonly #waiting = new Map<number, PromiseWithResolvers<EncodeAnswer>>();
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
    for (let i = 0; i < threads; i++) pool.#start(path, exactTies);
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
    for (const worker of this.#workers) worker.terminate();
    this.#tokenizer?.[Symbol.dispose]();
  }

  #start(path: string, exactTies: boolean): void {
    const worker = new Worker(new URL("./encode_worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<PoolReply>) => {
      const waiting = this.#waiting.get(data.number);
      this.#waiting.delete(data.number);
      if (data.answer !== undefined) waiting?.resolve(data.answer);
      else waiting?.reject(data.error);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      for (const { reject } of this.#waiting.values()) reject(new Error(event.message));
      this.#waiting.clear();
    };
    worker.postMessage({ kind: "open", path, exactTies } satisfies PoolMessage);
    this.#workers.push(worker);
  }

  #send(request: EncodeRequest): Promise<EncodeAnswer> {
    const number = this.#sent++;
    const waiting = Promise.withResolvers<EncodeAnswer>();
    this.#waiting.set(number, waiting);
    // Workers are asked in turn: requests are of similar size.
    const worker = this.#workers[number % this.#workers.length];
    const message = { kind: "encode", number, request } satisfies PoolMessage;
    const { input } = request;
    worker.postMessage(message, input instanceof Uint8Array ? [input.buffer] : []);
    return waiting.promise;
  }
}
