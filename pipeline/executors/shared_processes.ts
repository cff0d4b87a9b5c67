/**
 * Processes that wait, when an instance is done, for the next one of the same program: a start of a process costs more than the work on
 * a small source. Those that wait and those at work are at most as many as were at work at once.
 */
import { heldMemoryBytes } from "./process_memory.ts";
import type { ProgramProcess } from "./program_process.ts";

/** A process that holds more ends, and gives its memory back. */
const mostKeptBytes = 256 * 2 ** 20;

/** By then no work of its program is near: others are at work, perhaps for days. */
const longestWaitMs = 10_000;

interface Waiting {
  readonly program: string;
  readonly process: ProgramProcess;
  /** Ends it. */
  readonly timer: ReturnType<typeof setTimeout>;
}

export class SharedProcesses {
  /** The one that has waited longest first. */
  #waiting: Waiting[] = [];
  readonly #longestWaitMs: number;

  constructor({ longestWaitMs: ms = longestWaitMs } = {}) {
    this.#longestWaitMs = ms;
  }

  /** A process that runs a program and waits; undefined where there is none. */
  take(program: string): ProgramProcess | undefined {
    const found = this.#waiting.find((one) => one.program === program && one.process.isAlive);
    if (found !== undefined) this.#forget(found);
    return found?.process;
  }

  /** For a process that is about to start: one that waits makes room. */
  makeRoom(): void {
    const [first] = this.#waiting;
    if (first !== undefined) this.#end(first);
  }

  /** Lets a process wait that is done with an instance. */
  keep(program: string, process: ProgramProcess): void {
    if ((heldMemoryBytes(process.pid) ?? 0) > mostKeptBytes) process.close();
    else {
      const timer = setTimeout(() => this.#end(waiting), this.#longestWaitMs);
      timer.unref(); // a runner that is done does not wait for it
      const waiting: Waiting = { program, process, timer };
      this.#waiting.push(waiting);
    }
  }

  /** Ends all that wait. */
  async close(): Promise<void> {
    await Promise.all(this.#waiting.map((one) => this.#end(one)));
  }

  #end(waiting: Waiting): Promise<void> {
    this.#forget(waiting);
    return waiting.process.close();
  }

  #forget(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    this.#waiting = this.#waiting.filter((one) => one !== waiting);
  }
}
