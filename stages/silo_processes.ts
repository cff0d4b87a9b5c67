/**
 * Processes of this machine that train participants of a run: each holds what training one source takes. One that is killed starts
 * again, and goes on from its checkpoint.
 */
import { StageError, wholeLines } from "../base/mod.ts";
import type { StageLog } from "../pipeline/stage.ts";
import type { SiloMessage } from "./silo_process.ts";
import { type SiloSetup, stopLine, type UnnamedSetup } from "./silo_setup.ts";

interface SiloProcessesOptions {
  readonly count: number;
  /** All but the names of the processes. */
  readonly setup: UnnamedSetup;
  readonly log: StageLog;
  readonly signal: AbortSignal;
}

/** So many ends one after the other, without an answer in between, are no accident. */
const mostEnds = 3;

export class SiloProcesses {
  /** Rejects when they cannot go on. */
  readonly failed: Promise<never>;
  readonly #options: SiloProcessesOptions;
  readonly #workers: Promise<void>[];
  readonly #running = new Set<Deno.ChildProcess>();
  #isClosing = false;
  #endsWithoutAnswer = 0;

  constructor(options: SiloProcessesOptions) {
    this.#options = options;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    promise.catch(() => {}); // heard where answers are awaited
    options.signal.addEventListener("abort", this.#stop);
    this.#workers = Array.from(
      { length: options.count },
      (_, i) => this.#keepUp(`worker-${i + 1}`).catch(reject),
    );
  }

  /** The processes that run now. */
  get pids(): readonly number[] {
    return [...this.#running].map(({ pid }) => pid);
  }

  /** Ends them, whatever they are at; after an abort they first write a checkpoint. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (!this.#options.signal.aborted) this.#running.forEach(kill);
    await Promise.all(this.#workers);
    this.#options.signal.removeEventListener("abort", this.#stop);
  }

  readonly #stop = (): void => {
    this.#isClosing = true;
    for (const { stdin } of this.#running) void say(stdin, stopLine);
  };

  async #keepUp(worker: string): Promise<void> {
    while (!this.#isClosing) {
      const { code, signal } = await this.#run(worker);
      if (this.#isClosing) return;
      const how = signal ?? `code ${code}`;
      if (++this.#endsWithoutAnswer === mostEnds) {
        throw new StageError(
          `Cannot train in parallel: expected worker processes, found ${mostEnds} that ended, the last with ${how} ` +
            `(out of memory?); pretrain.parallelSources: 1 trains one source after the other`,
        );
      }
      this.#options.log.warn(`${worker} ended with ${how} and starts again`);
    }
  }

  async #run(worker: string): Promise<Deno.CommandStatus> {
    const { setup, log } = this.#options;
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-prompt", import.meta.resolve("./silo_process.ts")],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#running.add(process);
    try {
      const exchange = { ...setup.exchange, worker };
      await say(process.stdin, JSON.stringify({ ...setup, exchange } satisfies SiloSetup));
      for await (const line of wholeLines(process.stdout)) {
        const message: SiloMessage = JSON.parse(line);
        if (message.type === "answered") this.#endsWithoutAnswer = 0;
        else log[message.level](message.message, message.fields);
      }
      return await process.status;
    } finally {
      this.#running.delete(process);
      await process.stdin.close().catch(() => {});
    }
  }
}

function kill(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch { /* it has ended */ }
}

/** Says a line to a process, if it is still there. */
async function say(stdin: WritableStream<Uint8Array>, line: string): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(new TextEncoder().encode(line + "\n")).catch(() => {});
  writer.releaseLock();
}
