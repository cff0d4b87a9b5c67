/**
 * Worker threads of training, each of which answers requests in order.
 */
import { fileURLToPath } from "node:url";
import { StageError } from "../../base/mod.ts";
import type { WorkRequest } from "./training_work.ts";

export type ThreadAnswer = { readonly answer: unknown } | { readonly error: string };

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (reason: unknown) => void;
}

export class TrainingThread {
  readonly #worker: Worker;
  readonly #pending: Pending[] = [];
  #failure: Error | undefined;

  constructor() {
    this.#worker = new Worker(import.meta.resolve("./training_thread.ts"), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<ThreadAnswer>) => {
      const { resolve, reject } = this.#pending.shift()!;
      if ("error" in data) reject(new StageError(data.error));
      else resolve(data.answer as never);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = new Error(`A training thread has failed: ${event.message}`);
      for (const { reject } of this.#pending.splice(0)) reject(this.#failure);
    };
  }

  /** Requests that wait for their answer. */
  get waiting(): number {
    return this.#pending.length;
  }

  request<Answer>(request: WorkRequest, transfer: Transferable[] = []): Promise<Answer> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise<Answer>((resolve, reject) => {
      this.#pending.push({ resolve: resolve as Pending["resolve"], reject });
      this.#worker.postMessage(request, transfer);
    });
  }

  close(): void {
    this.#worker.terminate();
  }
}

/** The threads of one training, started when first asked for. */
export class Threads {
  readonly #count: number;
  /** Whether they are used even where their start costs more than they gain. */
  readonly isEager: boolean;
  #threads: TrainingThread[] | undefined;

  /** @param count threads besides the one that asks; there are none where a process may not read its own modules */
  constructor(count: number, isEager = false) {
    this.isEager = isEager;
    this.#count = count > 0 && mayStart() ? count : 0;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether they run already. */
  get areStarted(): boolean {
    return this.#threads !== undefined;
  }

  all(): readonly TrainingThread[] {
    return this.#threads ??= Array.from({ length: this.#count }, () => new TrainingThread());
  }

  close(): void {
    for (const thread of this.#threads ?? []) thread.close();
    this.#threads = undefined;
  }
}

/** A worker reads its modules with the permissions of its process, unlike the process itself. */
function mayStart(): boolean {
  const path = fileURLToPath(import.meta.resolve("./training_thread.ts"));
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}
