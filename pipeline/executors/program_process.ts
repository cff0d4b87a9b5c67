/**
 * A process that runs a program: for one instance, or, where a broker says what it may access, for one after the other.
 */
import { lines } from "../../base/mod.ts";
import { givenPaths } from "../permissions.ts";
import { type ChildRequest, decodeLine, errorsEnd } from "../protocol.ts";
import { type ChildNews, type ChildOutcome, isNews } from "./executor.ts";
import type { PermissionBroker } from "./permission_broker.ts";
import { forgetPeakMemory, peakMemoryBytes } from "./process_memory.ts";

/** Hears what a process says and prints while it runs an instance. */
export interface Listener {
  onNews(message: ChildNews): void;
  /** A line that is no message. */
  onPrinted(line: string): void;
}

/** How the run of an instance ended: by what was said last, or with the process. */
export interface InstanceEnd {
  readonly said: ChildOutcome | undefined;
  /** Undefined where the process waits for another request. */
  readonly status: Deno.CommandStatus | undefined;
}

/** An instance at work. */
interface Turn {
  readonly listener: Listener;
  readonly over: PromiseWithResolvers<void>;
  said: ChildOutcome | undefined;
  /** Whether all was read that it has printed as errors, where the process goes on. */
  hasErrors: boolean;
}

/** What Deno prints when it starts with a broker. */
const brokerWarning = "Permission broker is an experimental feature";

export class ProgramProcess {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #broker: PermissionBroker | undefined;
  /** Settles when it has ended and all that it said was read. */
  readonly #ended: Promise<Deno.CommandStatus>;
  #isAlive = true;
  #turn: Turn | undefined;

  /** @param broker Answers to the process; without one the command says what it may access */
  constructor(command: Deno.Command, broker?: PermissionBroker) {
    this.#process = command.spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#broker = broker;
    this.#ended = Promise.all([this.#process.status, this.#readMessages(), this.#readErrors()])
      .then(([status]) => status)
      .finally(() => {
        this.#isAlive = false;
        broker?.close();
      });
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Whether it may run more than one instance. */
  get isShared(): boolean {
    return this.#broker !== undefined;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Runs an instance. Without a broker the process ends with it, and else if anything but a result comes of it. */
  async run(request: ChildRequest, listener: Listener): Promise<InstanceEnd> {
    const over = Promise.withResolvers<void>();
    const turn: Turn = { listener, over, said: undefined, hasErrors: !this.isShared };
    this.#turn = turn;
    if (this.#broker !== undefined) {
      this.#broker.given = givenPaths(request);
      forgetPeakMemory(this.pid);
    }
    await this.#send(request);
    await Promise.race([over.promise, this.#ended]);
    // It waits for another request, or for the end of them: so its memory can be looked at.
    const said = turn.said?.type === "done" ? this.#withPeak(turn.said) : turn.said;
    if (this.#broker === undefined || said?.type !== "done") {
      await this.close();
      return { said, status: await this.#ended };
    }
    this.#broker.given = undefined;
    this.#turn = undefined;
    return { said, status: undefined };
  }

  /** What it says itself may be the memory of this process, of which it was made. */
  #withPeak<T extends { readonly peakMemoryBytes: number }>(said: T): T {
    return { ...said, peakMemoryBytes: peakMemoryBytes(this.pid) ?? said.peakMemoryBytes };
  }

  /** Gives it no more requests and waits for its end. */
  async close(): Promise<void> {
    try {
      await this.#input.close();
    } catch { /* it has ended */ }
    await this.#ended;
  }

  signal(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch { /* it has ended */ }
  }

  async #send(request: ChildRequest): Promise<void> {
    try {
      await this.#input.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
    } catch { /* it died at once: its status says so */ }
  }

  async #readMessages(): Promise<void> {
    for await (const line of lines(this.#process.stdout)) {
      const turn = this.#turn;
      if (turn === undefined) continue; // nobody's: a stage has left something running
      const { message, printed } = decodeLine(line);
      turn.listener.onPrinted(printed);
      if (message === undefined) continue;
      if (isNews(message)) turn.listener.onNews(message);
      else {
        turn.said = message;
        if (turn.hasErrors) turn.over.resolve();
      }
    }
  }

  async #readErrors(): Promise<void> {
    for await (const line of lines(this.#process.stderr)) {
      const turn = this.#turn;
      if (turn === undefined || line.includes(brokerWarning)) continue;
      const isEnd = line.endsWith(errorsEnd);
      turn.listener.onPrinted(isEnd ? line.slice(0, -errorsEnd.length) : line);
      if (!isEnd) continue;
      turn.hasErrors = true;
      if (turn.said !== undefined) turn.over.resolve();
    }
  }
}
