/** A process that takes a training step when asked: ours or a peer's. */
import { TextLineStream } from "./lines.ts";

export interface StepAnswer {
  readonly stepMs: number;
  readonly updateMs?: number;
  readonly lossNats: number;
  readonly gradientNorm: number;
  readonly peakBytes: number;
}

export interface Greeting {
  readonly version: string;
  readonly libraries: readonly string[];
  readonly openMs?: number;
}

export class Competitor {
  readonly #process: Deno.ChildProcess;
  readonly #name: string;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  greeting!: Greeting;

  private constructor(name: string, process: Deno.ChildProcess) {
    this.#name = name;
    this.#process = process;
    this.#lines = process.stdout.pipeThrough(new TextLineStream()).getReader();
    this.#input = process.stdin.getWriter();
  }

  /** Starts a command and waits until it is ready. @throws Error with its name when it ends before. */
  static async start(name: string, command: string, args: readonly string[]): Promise<Competitor> {
    const process = new Deno.Command(command, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const competitor = new Competitor(name, process);
    competitor.greeting = await competitor.#answer();
    return competitor;
  }

  async step(): Promise<StepAnswer> {
    await this.#input.write(new TextEncoder().encode("step\n"));
    return await this.#answer();
  }

  async stop(): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#process.status;
    this.#lines.releaseLock();
  }

  async #answer<Answer>(): Promise<Answer> {
    const { value, done } = await this.#lines.read();
    if (!done) return JSON.parse(value);
    const { code, signal } = await this.#process.status;
    throw new Error(
      `Cannot measure ${this.#name}: expected an answer, found that it ended with ${
        signal ?? `code ${code}`
      }${signal === "SIGKILL" ? " (out of memory?)" : ""}`,
    );
  }
}
