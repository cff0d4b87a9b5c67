/**
 * The process that one instance runs in: reads a request, runs the stage, says how it went.
 */
import { resourceUsage } from "node:process";
import {
  leaveSignals,
  lines,
  messageOf,
  removeQuietly,
  reportFileLimit,
  StageError,
  UsageError,
  writeAll,
} from "../base/mod.ts";
import { hasCheckpoint, noteMachine, otherInstructions } from "./checkpoint_notes.ts";
import { CheckpointWatch } from "./checkpoint_watch.ts";
import { JobReports } from "./executors/job_reports.ts";
import { armFaults } from "./faults.ts";
import { listAndSync } from "./listing.ts";
import { machineNotes } from "./machine.ts";
import { type ChildMessage, type ChildRequest, encodeMessage, errorsEnd } from "./protocol.ts";
import type { StageLog, StageProgress, StageRun } from "./stage.ts";
import { contextOf } from "./stage_context.ts";
import { StorageError, storageError } from "./storage_errors.ts";
import { lockAsChild } from "./store_lock.ts";

/** Progress is passed on at most this often. */
const progressEveryMs = 200;

/**
 * Serves the request of this process: the line of its input, or, for a job, the file in the folder that its argument names. Where the
 * process is shared, further lines follow until an instance has no result. Called by the entry that `program.ts` makes, which imports
 * the stage's code: what is imported by name needs no permission to be read.
 */
export async function serve(
  stage: { readonly run: StageRun },
  modules: Readonly<Record<string, unknown>>,
): Promise<void> {
  // What libraries print belongs in the log file, not between our messages.
  console.log = console.info = console.debug = console.error;
  const [reportFolder] = Deno.args;
  const reports = reportFolder === undefined ? undefined : new JobReports(reportFolder);
  const requests = lines(Deno.stdin.readable);
  const first = reports?.request() ?? await nextOf(requests);
  const { send, finish } = reports === undefined ? pipe : channelOf(reports, first);
  if (first.lock !== undefined) lockAsChild(first.lock);
  if (first.runner !== undefined) endWith(first.runner, first.isBound);
  reports?.startHeartbeat();
  const stop = new AbortController();
  Deno.addSignalListener("SIGTERM", () => stop.abort(new Error("stopped by the user")));
  leaveSignals(); // the terminal sends them to all; the runner decides
  reportFileLimit();
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    finish(failure(event.reason));
  });
  if (reports !== undefined) noteNode(first, reports, send);
  for (let request = first;; request = await nextOf(requests)) {
    armFaults(request.instance, request.faults);
    const message = await runRequest(request, stage, modules, { signal: stop.signal, send });
    if (request.isShared) writeAll(Deno.stderr, `${errorsEnd}\n`);
    if (message.type !== "done" || reports !== undefined) finish(message);
    send(message); // the runner looks at this process before it says that there is no other request
  }
}

/** Ends the process where there is no request any more. */
async function nextOf(requests: AsyncGenerator<string, void>): Promise<ChildRequest> {
  const { value } = await requests.next();
  if (value === undefined) Deno.exit(0);
  return JSON.parse(value);
}

/** How a process tells its runner what happens. */
interface Channel {
  send(message: ChildMessage): void;
  /** Sends the last message and ends the process. */
  finish(message: ChildMessage): never;
}

/** Of a child of the runner. */
const pipe: Channel = {
  send: (message) => writeAll(Deno.stdout, encodeMessage(message)),
  finish(message) {
    pipe.send(message);
    Deno.exit(message.type === "done" ? 0 : 1);
  },
};

/** Of a job. Its temporary files are on the disk of its node, where nobody else would remove them. */
function channelOf(reports: JobReports, { scratch }: ChildRequest): Channel {
  return {
    send: (message) => reports.send(message),
    finish(message) {
      removeQuietly(scratch);
      const node = {
        machine: machineNotes(reports.instructions()),
        durationMs: performance.now(),
      };
      reports.end(message.type === "done" ? { ...message, ...node } : message);
      Deno.exit(message.type === "done" ? 0 : 1);
    },
  };
}

/** Notes beside the checkpoints whose instructions they are continued with. */
function noteNode(
  { checkpointFolder }: ChildRequest,
  reports: JobReports,
  send: Channel["send"],
): void {
  const isResumed = hasCheckpoint(checkpointFolder);
  const machines = noteMachine(checkpointFolder, reports.instructions());
  if (isResumed && machines.length > 1) {
    send({ type: "log", level: "warn", message: otherInstructions });
  }
}

/** Where an instance's messages go, and what stops it. */
interface RequestHost {
  readonly signal: AbortSignal;
  send(message: ChildMessage): void;
}

/** Runs a stage as a request says. Never throws: the last message tells how it went. */
export async function runRequest(
  request: ChildRequest,
  stage: { readonly run: StageRun },
  modules: Readonly<Record<string, unknown>>,
  host: RequestHost,
): Promise<ChildMessage> {
  try {
    return await run(request, stage, modules, host);
  } catch (error) {
    const { aborted, reason } = host.signal;
    const found = storageError(error, `keep what ${request.instance} writes`, request.store);
    if (aborted && !(found instanceof StorageError)) {
      return { type: "stopped", isClean: error === reason };
    }
    return failure(found);
  }
}

async function run(
  request: ChildRequest,
  stage: { readonly run: StageRun },
  modules: Readonly<Record<string, unknown>>,
  { signal, send }: RequestHost,
): Promise<ChildMessage> {
  const log = new PipeLog(new CheckpointWatch(request.checkpointFolder), send);
  const context = contextOf(request, { modules, log, signal });
  const summary = await stage.run(context).finally(() => log.flush()) ?? {};
  const outputs = Object.entries(request.outputs)
    .map(([name, folder]) => [name, listAndSync(folder, name)] as const);
  const peakMemoryBytes = resourceUsage().maxRSS * 1024;
  const made = { summary, outputs: Object.fromEntries(outputs), peakMemoryBytes };
  return { type: "done", ...made, device: deviceOf(modules) };
}

/** What a module tells by `describeMachine()` of what it has used beside the processor: a card, its driver, libraries. */
function deviceOf(modules: Readonly<Record<string, unknown>>): string | undefined {
  const telling = Object.values(modules) as {
    readonly describeMachine?: () => string | undefined;
  }[];
  return telling.map((module) => module.describeMachine?.()).find((text) => text !== undefined);
}

/** A log that writes messages, progress thinned out: tokens are summed, losses averaged over what was left out. */
class PipeLog implements StageLog {
  readonly #checkpoints: CheckpointWatch;
  readonly #send: RequestHost["send"];
  #sentAt = -Infinity;
  #pending: StageProgress | undefined;
  #tokens = 0;
  #losses: number[] = [];

  constructor(checkpoints: CheckpointWatch, send: RequestHost["send"]) {
    this.#checkpoints = checkpoints;
    this.#send = send;
  }

  info(message: string, fields?: Parameters<StageLog["info"]>[1]): void {
    this.#send({ type: "log", level: "info", message, fields });
  }

  warn(message: string, fields?: Parameters<StageLog["warn"]>[1]): void {
    this.#send({ type: "log", level: "warn", message, fields });
  }

  progress(state: StageProgress): void {
    this.#pending = state;
    this.#tokens += state.tokens ?? 0;
    if (state.lossNats !== undefined) this.#losses.push(state.lossNats);
    if (performance.now() - this.#sentAt >= progressEveryMs) this.flush();
  }

  flush(): void {
    const checkpoint = this.#checkpoints.news();
    if (checkpoint !== undefined) this.#send({ type: "checkpoint", name: checkpoint });
    if (this.#pending === undefined) return;
    const losses = this.#losses;
    this.#send({
      type: "progress",
      state: {
        ...this.#pending,
        ...(this.#tokens > 0 ? { tokens: this.#tokens } : {}),
        ...(losses.length > 0 ? { lossNats: losses.reduce((a, b) => a + b) / losses.length } : {}),
      },
    });
    this.#pending = undefined;
    this.#tokens = 0;
    this.#losses = [];
    this.#sentAt = performance.now();
  }
}

function failure(error: unknown): ChildMessage {
  const isExpected = error instanceof StageError || error instanceof UsageError ||
    error instanceof StorageError;
  const stack = error instanceof Error ? stackWithCauses(error) : undefined;
  return { type: "failed", message: messageOf(error), stack, isExpected };
}

function stackWithCauses(error: Error): string {
  const cause = error.cause instanceof Error ? `\nCaused by: ${stackWithCauses(error.cause)}` : "";
  return `${error.stack ?? error}${cause}`;
}

/** Ends this process when its runner is gone. */
function endWith(runner: number, isBound: boolean | undefined): void {
  // Had the runner died before the lock was taken, another run might not wait for this process.
  if (Deno.ppid !== runner) Deno.exit(1);
  if (isBound) return;
  // From a thread of its own: a stage may keep this one busy for minutes.
  const worker = new Worker(import.meta.resolve("./watchdog.ts"), { type: "module" });
  worker.postMessage(runner);
}
