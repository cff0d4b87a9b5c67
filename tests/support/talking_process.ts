/**
 * A process of the command line whose words are awaited.
 */
import assert from "node:assert/strict";
import { pipelineCommand } from "./command_line.ts";
import { projectRoot } from "./paths.ts";

export class TalkingProcess {
  /** Settles when it has ended and all that it said was read. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #process: Deno.ChildProcess;
  #text = "";
  #heard = Promise.withResolvers<void>();

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#process = pipelineCommand(args, projectRoot, environment).spawn();
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const part of stream.pipeThrough(new TextDecoderStream())) {
        this.#text += part;
        this.#heard.resolve();
      }
    };
    const all = [read(this.#process.stdout), read(this.#process.stderr)];
    this.ended = Promise.all([this.#process.status, ...all]).then(([status]) => {
      this.#heard.resolve();
      return status;
    });
  }

  /** All that it has said. */
  get text(): string {
    return this.#text;
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch { /* it has ended */ }
  }

  /** Stops it and its children where they are. */
  pause(): void {
    signalTree(this.#process.pid, "SIGSTOP");
  }

  goOn(): void {
    signalTree(this.#process.pid, "SIGCONT");
  }

  /** Waits for words of it. */
  async says(pattern: RegExp): Promise<void> {
    let hasEnded = false;
    this.ended.then(() => hasEnded = true);
    while (!pattern.test(this.#text)) {
      assert.ok(!hasEnded, `expected ${pattern}, found ${this.#text}`);
      this.#heard = Promise.withResolvers();
      await this.#heard.promise;
    }
  }
}

/** Signals a process, and then those that it has started; those that have ended are passed over. */
function signalTree(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
    const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
    for (const child of children.match(/\d+/g) ?? []) signalTree(Number(child), signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
