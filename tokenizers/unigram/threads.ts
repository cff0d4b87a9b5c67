/**
 * The worker threads of a training.
 */
import { fileURLToPath } from "node:url";
import { WorkerThread } from "../worker_thread.ts";
import type { WorkRequest } from "./training_work.ts";

export type TrainingThread = WorkerThread<WorkRequest>;

const module = /* @__PURE__ */ import.meta.resolve("./training_thread.ts");

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
    return this.#threads ??= Array.from({ length: this.#count }, () => new WorkerThread(module));
  }

  close(): void {
    for (const thread of this.#threads ?? []) thread.close();
    this.#threads = undefined;
  }
}

/** A worker reads its modules with the permissions of its process, unlike the process itself. */
function mayStart(): boolean {
  const path = fileURLToPath(module);
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}
