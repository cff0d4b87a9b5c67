/** A process that takes a training step when it is asked: ours or PyTorch's. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

export interface StepAnswer {
  readonly stepMs: number;
  readonly updateMs?: number;
  /** Of all threads of the process, the system's work for them too. */
  readonly cpuMs: number;
  readonly lossNats: number;
  readonly gradientNorm: number;
  readonly peakBytes: number;
}

interface Greeting {
  readonly openMs?: number;
}

export class Competitor {
  readonly #name: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown[]>;
  greeting: Greeting = {};

  private constructor(name: string, command: string, args: readonly string[]) {
    this.#name = name;
    this.#process = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.#ended = once(this.#process, "exit");
  }

  /** Starts a command and waits until it is ready. @throws Error with its name when it ends before. */
  static async start(name: string, command: string, args: readonly string[]): Promise<Competitor> {
    const competitor = new Competitor(name, command, args);
    competitor.greeting = await competitor.#answer();
    return competitor;
  }

  async step(): Promise<StepAnswer> {
    this.#process.stdin.write("step\n");
    return await this.#answer();
  }

  async stop(): Promise<void> {
    this.#process.stdin.end();
    await this.#ended;
  }

  async #answer<Answer>(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    if (!done) return JSON.parse(value);
    const [code, signal] = await this.#ended;
    throw new Error(
      `Cannot measure ${this.#name}: expected an answer, found that it ended with ${
        signal ?? `code ${code}`
      }${signal === "SIGKILL" ? " (out of memory?)" : ""}`,
    );
  }
}
