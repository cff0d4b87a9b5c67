/**
 * A worker that answers requests, one after the other.
 */
/// <reference lib="deno.worker" />
import { StageError } from "../base/mod.ts";

type Reply = { readonly answer: unknown } | { readonly error: unknown };

export class WorkerThread<Request> {
  readonly #worker: Worker;
  readonly #pending: PromiseWithResolvers<never>[] = [];
  #failure: Error | undefined;

  /** @param module the worker's own: it calls `answerRequests` */
  constructor(module: string) {
    this.#worker = new Worker(module, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const { resolve, reject } = this.#pending.shift()!;
      if ("answer" in data) resolve(data.answer as never);
      else reject(thrown(data.error));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = new Error(`A worker has failed: ${event.message}`);
      for (const { reject } of this.#pending.splice(0)) reject(this.#failure);
    };
  }

  /** Requests that wait for their answer. */
  get waiting(): number {
    return this.#pending.length;
  }

  request<Answer>(request: Request, transfer: Transferable[] = []): Promise<Answer> {
    if (this.#failure) return Promise.reject(this.#failure);
    const pending = Promise.withResolvers<never>();
    this.#pending.push(pending);
    this.#worker.postMessage(request, transfer);
    return pending.promise;
  }

  close(): void {
    this.#worker.terminate();
  }
}

/** Errors of the language keep their class on their way; those of ours and of the runtime come as plain ones. */
function thrown(error: unknown): unknown {
  const isPlain = error instanceof Error && error.constructor === Error;
  return isPlain ? new StageError(error.message, { cause: error }) : error;
}

/**
 * Answers requests, in a worker. No answer may overtake another.
 *
 * @param answerTo also says which memory goes over to the one who asked
 */
export function answerRequests<Request>(
  answerTo: (request: Request) => Answered | Promise<Answered>,
): void {
  self.onmessage = async ({ data }: MessageEvent<Request>) => {
    try {
      const { answer, transfer } = await answerTo(data);
      self.postMessage({ answer } satisfies Reply, transfer);
    } catch (error) {
      self.postMessage({ error } satisfies Reply);
    }
  };
}

interface Answered {
  readonly answer: unknown;
  readonly transfer: Transferable[];
}
