/**
 * Encoding over several workers, each with a tokenizer and a cache of its own. Ids do not depend on how text is dealt out:
 * every text is encoded as a whole, and a cache changes no result.
 */
import { type OpenOptions, openTokenizer } from "../open_tokenizer.ts";
import type { OpenedTokenizer } from "../opened_tokenizer.ts";
import { WorkerPool } from "../worker_pool.ts";
import { answerRequest, type EncodeAnswer, type EncodeRequest } from "./encode_request.ts";

/** What a worker is asked: first to open a tokenizer, then to encode. */
export type PoolRequest = (OpenOptions & { readonly path: string }) | EncodeRequest;

interface PoolOptions extends OpenOptions {
  /** Workers; 1: this thread does it, and there are none. */
  readonly threads: number;
}

export class EncodePool implements Disposable {
  readonly #encoders: OpenedTokenizer | WorkerPool<PoolRequest>;

  private constructor(encoders: OpenedTokenizer | WorkerPool<PoolRequest>) {
    this.#encoders = encoders;
  }

  /** @throws StageError for a path that holds no tokenizer */
  static async open(
    path: string,
    { threads, exactTies = false }: PoolOptions,
  ): Promise<EncodePool> {
    const tokenizer = await openTokenizer(path, { exactTies });
    if (threads <= 1 || tokenizer.kind === "foreign") return new EncodePool(tokenizer); // a foreign tokenizer has threads of its own
    tokenizer[Symbol.dispose]();
    const module = import.meta.resolve("./encode_worker.ts");
    return new EncodePool(new WorkerPool<PoolRequest>(module, threads, { path, exactTies }));
  }

  /** Answers requests in their order, several at a time; no more are taken than are worked on. */
  async *encode(
    requests: AsyncIterable<EncodeRequest> | Iterable<EncodeRequest>,
  ): AsyncGenerator<EncodeAnswer> {
    const encoders = this.#encoders;
    if (encoders instanceof WorkerPool) {
      const answers = encoders.answers<EncodeRequest, EncodeAnswer>(requests, memoryOf);
      for await (const [, answer] of answers) yield answer;
    } else {
      for await (const request of requests) yield answerRequest(encoders, request);
    }
  }

  [Symbol.dispose](): void {
    this.#encoders[Symbol.dispose]();
  }
}

function memoryOf({ input }: EncodeRequest): Transferable[] {
  return [(input instanceof Uint8Array ? input : input.pool).buffer];
}
