/**
 * Several workers that answer requests of one kind, each the next; answers come in the order of the requests.
 */
import { WorkerThread } from "./worker_thread.ts";

/** Requests that wait at a worker besides the one it answers. */
const queuedAtWorker = 1;

export class WorkerPool<Request> implements Disposable {
  readonly #workers: readonly WorkerThread<Request>[];
  #sent = 0;

  /**
   * @param module the workers' own: it calls `answerRequests`
   * @param first what each is asked before all else; its answer is not looked at
   */
  constructor(module: string, threads: number, first: Request) {
    this.#workers = Array.from({ length: threads }, () => new WorkerThread<Request>(module));
    for (const worker of this.#workers) worker.request(first).catch(() => {}); // the next answer says it
  }

  /**
   * Each request with its answer. No more requests are taken than are worked on: two for each worker.
   *
   * @param memoryOf memory of a request that goes over to the worker
   */
  async *answers<Asked extends Request, Answer>(
    requests: AsyncIterable<Asked> | Iterable<Asked>,
    memoryOf: (request: Asked) => Transferable[],
  ): AsyncGenerator<[Asked, Answer]> {
    const most = this.#workers.length * (1 + queuedAtWorker);
    const open: Promise<[Asked, Answer]>[] = [];
    for await (const request of requests) {
      // In turn: requests are of similar size.
      const worker = this.#workers[this.#sent++ % this.#workers.length];
      const answer = worker.request<Answer>(request, memoryOf(request))
        .then((answer): [Asked, Answer] => [request, answer]);
      answer.catch(() => {}); // it is thrown where the answer is awaited
      open.push(answer);
      if (open.length >= most) yield await open.shift()!;
    }
    for (const answer of open) yield await answer;
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.close();
  }
}
