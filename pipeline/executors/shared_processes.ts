/**
 * Processes that wait, when an instance is done, for the next one of the same program: a start of a process costs more than the work on
 * a small source. Those that wait and those at work are at most as many as were at work at once.
 */
import { heldMemoryBytes } from "./process_memory.ts";
import type { ProgramProcess } from "./program_process.ts";

/** A process that holds more ends, and gives its memory back. */
const mostKeptBytes = 256 * 2 ** 20;

interface Waiting {
  readonly program: string;
  readonly process: ProgramProcess;
}

export class SharedProcesses {
  /** The one that has waited longest first. */
  #waiting: Waiting[] = [];

  /** A process that runs a program and waits; undefined where there is none. */
  take(program: string): ProgramProcess | undefined {
    this.#waiting = this.#waiting.filter(({ process }) => process.isAlive);
    const found = this.#waiting.find((one) => one.program === program);
    if (found === undefined) return undefined;
    this.#waiting = this.#waiting.filter((one) => one !== found);
    return found.process;
  }

  /** For a process that is about to start: one that waits makes room. */
  makeRoom(): void {
    this.#waiting.shift()?.process.close();
  }

  /** Lets a process wait that is done with an instance. */
  keep(program: string, process: ProgramProcess): void {
    if ((heldMemoryBytes(process.pid) ?? 0) > mostKeptBytes) process.close();
    else this.#waiting.push({ program, process });
  }

  /** Ends all that wait. */
  async close(): Promise<void> {
    await Promise.all(this.#waiting.map(({ process }) => process.close()));
    this.#waiting = [];
  }
}
