/**
 * Instances as processes of this machine: starts them, reads what they say, keeps their logs. They end with the runner.
 */
import { join } from "node:path";
import { bound, canBind } from "../bound_process.ts";
import { machineCapacity, type Share } from "../capacity.ts";
import type { Programs } from "../program.ts";
import type { Program } from "../program_folder.ts";
import { type ChildRequest, decodeLine } from "../protocol.ts";
import { ChildLog } from "./child_log.ts";
import {
  type ChildOutcome,
  type ChildWork,
  type Executor,
  isNews,
  type RunningChild,
} from "./executor.ts";
import { childEnvironment, prepare, whole } from "./prepared_program.ts";

/** Runs instances as processes of this machine. */
export class LocalExecutor implements Executor {
  readonly #programs: Programs;
  #isBound: Promise<boolean> | undefined;

  constructor(programs: Programs) {
    this.#programs = programs;
  }

  readonly isHere = true;

  capacity(): Share {
    return machineCapacity();
  }

  async start(work: ChildWork): Promise<RunningChild> {
    return new Child(
      work,
      await this.#programs.of(work.code),
      await (this.#isBound ??= canBind()),
    );
  }

  /** A process of this machine ends with its runner. */
  adopt(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}

class Child implements RunningChild {
  readonly folder: string;
  readonly outcome: Promise<ChildOutcome>;
  readonly #process: Deno.ChildProcess;
  readonly #log: ChildLog;
  #isStopping = false;

  constructor(
    { request: asked, temporary, isNative, logPath, onMessage }: ChildWork,
    program: Program,
    isBound: boolean,
  ) {
    this.folder = temporary;
    this.#log = new ChildLog(logPath, `${asked.instance}, started`);
    const { request, args } = prepare(program, { ...asked, isBound }, isNative);
    const [command, ...before] = isBound ? bound(Deno.execPath()) : [Deno.execPath()];
    this.#process = new Deno.Command(command, {
      args: [...before, ...args],
      clearEnv: true,
      env: {
        ...childEnvironment(Deno.env.toObject()),
        TMPDIR: request.scratch,
        ...auditOf(request),
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.outcome = this.#follow(request, onMessage)
      .then((outcome) => outcome.type === "done" ? whole(outcome, program, request) : outcome);
  }

  get place(): string {
    return `process ${this.pid}`;
  }

  get pid(): number {
    return this.#process.pid;
  }

  stop(): void {
    this.#isStopping = true;
    this.#signal("SIGTERM");
  }

  kill(): void {
    this.#isStopping = true;
    this.#signal("SIGKILL");
  }

  async #follow(
    request: ChildRequest,
    onMessage: ChildWork["onMessage"],
  ): Promise<ChildOutcome> {
    let outcome: ChildOutcome | undefined;
    const readMessages = async () => {
      for await (const line of lines(this.#process.stdout)) {
        const { message, printed } = decodeLine(line);
        this.#log.printed(printed);
        if (message === undefined) continue;
        if (isNews(message)) {
          this.#log.said(message);
          onMessage(message);
        } else outcome = message;
      }
    };
    const readErrors = async () => {
      for await (const line of lines(this.#process.stderr)) this.#log.printed(line);
    };
    const [status] = await Promise.all([
      this.#process.status,
      readMessages(),
      readErrors(),
      sendRequest(this.#process, request),
    ]);
    outcome ??= this.#isStopping
      ? { type: "stopped", isClean: false }
      : diedSilently(status, this.#log.lastWords);
    this.#log.end(outcome);
    return outcome;
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch { /* it has ended */ }
  }
}

/** With `DEPT_AUDIT=DIR` Deno records there what a child accesses, beside what it was given: see `permissions.ts`. */
function auditOf(request: ChildRequest): Record<string, string> {
  const folder = Deno.env.get("DEPT_AUDIT");
  if (folder === undefined) return {};
  const path = join(folder, request.instance.replaceAll("/", "+"));
  Deno.writeTextFileSync(`${path}.request.json`, JSON.stringify(request));
  return { DENO_AUDIT_PERMISSIONS: `${path}.access.jsonl` };
}

async function sendRequest(process: Deno.ChildProcess, request: ChildRequest): Promise<void> {
  const writer = process.stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
    await writer.close();
  } catch { /* it died at once: its status says so */ }
}

function diedSilently(status: Deno.CommandStatus, lastWords: string): ChildOutcome {
  const how = status.signal === "SIGKILL"
    ? "was killed (SIGKILL; when nobody did, the system was out of memory)"
    : status.signal === "SIGXFSZ"
    ? "was ended by a limit on the size of files (ulimit -f); raise it"
    : status.signal !== null
    ? `ended with ${status.signal}`
    : `ended with code ${status.code}`;
  const words = lastWords === "" ? "" : `: ${lastWords}`;
  return { type: "failed", message: `Its process ${how}${words}`, isExpected: true };
}

/** The lines of a stream of UTF-8, without their ends; a last line needs none. */
async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    const parts = (text + decoder.decode(bytes, { stream: true })).split("\n");
    text = parts.pop()!;
    yield* parts;
  }
  if (text !== "") yield text;
}
