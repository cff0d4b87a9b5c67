/**
 * Processes that train participants of a round beside the one that leads it. They are given tasks as checkpoints and give
 * outcomes as checkpoints; what they make does not depend on who makes it. Each holds what training one source takes.
 */
import { join } from "node:path";
import { StageError } from "../base/mod.ts";
import type { StageLog } from "../pipeline/stage.ts";
import {
  type LocalHelpers,
  type LocalOutcome,
  type LocalTask,
  packState,
  readCheckpoint,
  unpackState,
  writeCheckpoint,
} from "../training/mod.ts";
import type { WorkerMessage, WorkerSetup, WorkerStop } from "./local_worker.ts";

interface LocalWorkersOptions {
  /** Processes; each has a lane of its own. */
  readonly lanes: number;
  readonly setup: WorkerSetup;
  readonly log: StageLog;
  readonly signal: AbortSignal;
}

export class LocalWorkers implements LocalHelpers {
  readonly lanes: number;
  readonly #options: LocalWorkersOptions;
  readonly #workers: Worker[];
  readonly #folder: string;
  #tasks = 0;

  constructor(options: LocalWorkersOptions) {
    this.lanes = options.lanes;
    this.#options = options;
    this.#folder = Deno.makeTempDirSync({ prefix: "dept-local-" });
    this.#workers = Array.from({ length: options.lanes }, () => new Worker(options));
    options.signal.addEventListener("abort", this.#stop);
  }

  async train(lane: number, task: () => LocalTask): Promise<() => LocalOutcome> {
    const folder = join(this.#folder, `${++this.#tasks}`);
    const outcome = `${folder}-outcome`;
    try {
      await this.#workers[lane].take(() => {
        this.#options.signal.throwIfAborted();
        writeCheckpoint(folder, packState(task()));
        return { task: folder, outcome };
      });
    } catch (error) {
      throw this.#options.signal.aborted ? this.#options.signal.reason : error;
    }
    return () => {
      const read = unpackState<LocalOutcome>(readCheckpoint(outcome));
      for (const done of [folder, outcome]) Deno.removeSync(done, { recursive: true });
      return read;
    };
  }

  /** Ends the processes, whatever they are at. */
  async close(): Promise<void> {
    this.#options.signal.removeEventListener("abort", this.#stop);
    this.#workers.forEach((worker) => worker.kill());
    await Promise.all(this.#workers.map((worker) => worker.ended));
    Deno.removeSync(this.#folder, { recursive: true });
  }

  readonly #stop = (): void => this.#workers.forEach((worker) => worker.stop());
}

/** A process that takes one task after the other. */
class Worker {
  readonly ended: Promise<void>;
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #log: StageLog;
  /** Of the task under way. */
  #waiting: PromiseWithResolvers<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #end: Error | undefined;

  constructor({ setup, log }: LocalWorkersOptions) {
    this.#log = log;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-prompt", import.meta.resolve("./local_worker.ts")],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#send(setup);
    this.ended = this.#follow();
  }

  /** @param request Called when the tasks before are done. */
  async take(request: () => object): Promise<void> {
    const taken = this.#last.then(() => {
      if (this.#end !== undefined) throw this.#end;
      const message = request();
      this.#waiting = Promise.withResolvers();
      this.#send(message);
      return this.#waiting.promise;
    });
    this.#last = taken.catch(() => {});
    await taken;
  }

  /** Lets it keep how far it is, and take no other task. */
  stop(): void {
    this.#send({ stop: true } satisfies WorkerStop);
  }

  kill(): void {
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended */ }
  }

  #send(message: object): void {
    this.#writer.write(new TextEncoder().encode(JSON.stringify(message) + "\n")).catch(() => {});
  }

  async #follow(): Promise<void> {
    let text = "";
    for await (const part of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + part).split("\n");
      text = lines.pop()!;
      for (const line of lines) this.#receive(JSON.parse(line));
    }
    const { code, signal } = await this.#process.status;
    this.#end = new StageError(
      `Cannot train in parallel: expected a worker process, found it ended with ${
        signal ?? `code ${code}`
      } (out of memory?); pretrain.parallelSources: 1 trains one source after the other`,
    );
    this.#waiting?.reject(this.#end);
    await this.#writer.close().catch(() => {});
  }

  #receive(message: WorkerMessage): void {
    switch (message.type) {
      case "log":
        return this.#log[message.level](message.message, message.fields);
      case "done":
        return this.#waiting?.resolve();
      case "stopped":
        return this.#waiting?.reject(new Error("stopped"));
      case "failed":
        return this.#waiting?.reject(new StageError(message.message));
      default:
        message satisfies never;
    }
  }
}
