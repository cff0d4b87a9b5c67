/**
 * Instances in processes of this machine: starts them, keeps their logs. They end with the runner.
 */
import { join } from "node:path";
import { bound, canBind } from "../bound_process.ts";
import { machineCapacity, type Share } from "../capacity.ts";
import type { Programs } from "../program.ts";
import type { ChildRequest } from "../protocol.ts";
import { ChildLog } from "./child_log.ts";
import type { ChildOutcome, ChildWork, Executor, RunningChild } from "./executor.ts";
import { PermissionBroker } from "./permission_broker.ts";
import {
  childEnvironment,
  ownArguments,
  placed,
  sharedArguments,
  whole,
} from "./prepared_program.ts";
import { ProgramProcess } from "./program_process.ts";
import { SharedProcesses } from "./shared_processes.ts";

/** Runs instances in processes of this machine. */
export class LocalExecutor implements Executor {
  readonly #programs: Programs;
  readonly #shared = new SharedProcesses();
  #isBound: Promise<boolean> | undefined;

  constructor(programs: Programs) {
    this.#programs = programs;
  }

  readonly isHere = true;

  capacity(): Share {
    return machineCapacity();
  }

  async start(work: ChildWork): Promise<RunningChild> {
    const program = await this.#programs.of(work.code);
    const isBound = await (this.#isBound ??= canBind());
    const request = placed(program, { ...work.request, isBound });
    // A program in a folder of the instance goes with it, and the record of accesses is of a process.
    const mayShare = work.mayShare && !request.program.startsWith(work.temporary) && !isAudited();
    const log = new ChildLog(work.logPath, `${request.instance}, started`);
    const process = (mayShare ? this.#shared.take(program.digest) : undefined) ??
      this.#startProcess(work, request, mayShare);
    const { isShared } = process;
    const onDone = (made: Made) => {
      const outcome = whole(made, program, request);
      if (isShared && outcome === made) this.#shared.keep(program.digest, process);
      else void process.close();
      return outcome;
    };
    return new Child(work, { request: { ...request, isShared }, process, log, onDone });
  }

  /** A process of this machine ends with its runner. */
  adopt(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  close(): Promise<void> {
    return this.#shared.close();
  }

  #startProcess(work: ChildWork, request: ChildRequest, mayShare: boolean): ProgramProcess {
    this.#shared.makeRoom();
    const broker = mayShare ? openBroker() : undefined;
    const [args, variables] = broker === undefined
      ? [
        ownArguments(request, work.request.program, work.isNative),
        { TMPDIR: request.scratch, ...auditOf(request) },
      ]
      : [sharedArguments(request), broker.environment];
    const [command, ...before] = request.isBound ? bound(Deno.execPath()) : [Deno.execPath()];
    const process = new Deno.Command(command, {
      args: [...before, ...args],
      clearEnv: true,
      env: { ...childEnvironment(Deno.env.toObject()), ...variables },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    return new ProgramProcess(process, broker);
  }
}

type Made = Extract<ChildOutcome, { type: "done" }>;

interface ChildOptions {
  readonly request: ChildRequest;
  readonly process: ProgramProcess;
  readonly log: ChildLog;
  /** Called with what it has made. Says what comes of it. */
  onDone(made: Made): ChildOutcome;
}

class Child implements RunningChild {
  readonly folder: string;
  readonly outcome: Promise<ChildOutcome>;
  readonly #process: ProgramProcess;
  readonly #log: ChildLog;
  #isStopping = false;

  constructor(
    { temporary, onMessage }: ChildWork,
    { request, process, log, onDone }: ChildOptions,
  ) {
    this.folder = temporary;
    this.#process = process;
    this.#log = log;
    this.outcome = this.#follow(request, onMessage)
      .then((outcome) => outcome.type === "done" ? onDone(outcome) : outcome);
  }

  get place(): string {
    return `process ${this.pid}`;
  }

  get pid(): number {
    return this.#process.pid;
  }

  stop(): void {
    this.#isStopping = true;
    this.#process.signal("SIGTERM");
  }

  kill(): void {
    this.#isStopping = true;
    this.#process.signal("SIGKILL");
  }

  async #follow(
    request: ChildRequest,
    onMessage: ChildWork["onMessage"],
  ): Promise<ChildOutcome> {
    const { said, status } = await this.#process.run(request, {
      onNews: (message) => {
        this.#log.said(message);
        onMessage(message);
      },
      onPrinted: (line) => this.#log.printed(line),
    });
    const outcome = said ??
      (this.#isStopping
        ? { type: "stopped", isClean: false } as const
        : diedSilently(status!, this.#log.lastWords));
    this.#log.end(outcome);
    return outcome;
  }
}

function openBroker(): PermissionBroker | undefined {
  try {
    return new PermissionBroker();
  } catch {
    return undefined; // a process for each instance needs no socket
  }
}

function isAudited(): boolean {
  return Deno.env.has("DEPT_AUDIT");
}

/** With `DEPT_AUDIT=DIR` Deno records there what a child accesses, beside what it was given: see `permissions.ts`. */
function auditOf(request: ChildRequest): Record<string, string> {
  const folder = Deno.env.get("DEPT_AUDIT");
  if (folder === undefined) return {};
  const path = join(folder, request.instance.replaceAll("/", "+"));
  Deno.writeTextFileSync(`${path}.request.json`, JSON.stringify(request));
  return { DENO_AUDIT_PERMISSIONS: `${path}.access.jsonl` };
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
