/**
 * The process that one instance runs in: reads a request, runs the stage, says how it went.
 */
import { messageOf, seedOf, StageError, UsageError } from "./base/mod.ts";
import { matchesPattern } from "./instances.ts";
import { listAndSync } from "./listing.ts";
import { type ChildMessage, type ChildRequest, encodeMessage } from "./protocol.ts";
import type { StageContext, StageLog, StageProgress, StageRun } from "./stage.ts";
import { lockAsChild } from "./store_lock.ts";

/** Progress is passed on at most this often. */
const progressEveryMs = 200;

async function main(): Promise<void> {
  // What libraries print belongs in the log file, not between our messages.
  console.log = console.info = console.debug = console.error;
  const request: ChildRequest = JSON.parse(await readLine(Deno.stdin.readable));
  lockAsChild(request.lock);
  dieWith(request.runner);
  const stop = new AbortController();
  Deno.addSignalListener("SIGTERM", () => stop.abort(new Error("stopped by the user")));
  Deno.addSignalListener("SIGINT", () => {}); // the terminal sends it to all; the runner decides
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    finish(failure(event.reason));
  });
  const outcome = await run(request, stop.signal)
    .catch((error): ChildMessage => stop.signal.aborted ? { type: "stopped" } : failure(error));
  finish(outcome);
}

async function run(request: ChildRequest, signal: AbortSignal): Promise<ChildMessage> {
  const log = new PipeLog();
  const { run } = await import(request.module) as { run: StageRun };
  const modules = await Promise.all(
    Object.entries(request.modules).map(async ([role, url]) => [role, await import(url)] as const),
  );
  const { root, names } = request.seeds;
  const context: StageContext = {
    instance: request.instance,
    parts: request.parts,
    params: request.params,
    inputs: request.inputs,
    files: request.files,
    outputs: request.outputs,
    checkpointFolder: request.checkpointFolder,
    seed(name) {
      if (names.some((declared) => matchesPattern(name, declared))) return seedOf(root, name);
      throw new RangeError(
        `Cannot give seed "${name}" to ${request.instance}: expected one of ${names.join(", ")}`,
      );
    },
    modules: Object.fromEntries(modules),
    log,
    signal,
  };
  const summary = await run(context) ?? {};
  log.flush();
  const outputs = Object.entries(request.outputs)
    .map(([name, folder]) => [name, listAndSync(folder, name)] as const);
  return { type: "done", summary, outputs: Object.fromEntries(outputs) };
}

/** A log that writes messages, progress thinned out: tokens are summed, losses averaged over what was left out. */
class PipeLog implements StageLog {
  #sentAt = -Infinity;
  #pending: StageProgress | undefined;
  #tokens = 0;
  #losses: number[] = [];

  info(message: string, fields?: Parameters<StageLog["info"]>[1]): void {
    send({ type: "log", level: "info", message, fields });
  }

  warn(message: string, fields?: Parameters<StageLog["warn"]>[1]): void {
    send({ type: "log", level: "warn", message, fields });
  }

  progress(state: StageProgress): void {
    this.#pending = state;
    this.#tokens += state.tokens ?? 0;
    if (state.lossNats !== undefined) this.#losses.push(state.lossNats);
    if (performance.now() - this.#sentAt >= progressEveryMs) this.flush();
  }

  flush(): void {
    if (this.#pending === undefined) return;
    const losses = this.#losses;
    send({
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
  const isExpected = error instanceof StageError || error instanceof UsageError;
  const stack = error instanceof Error ? stackWithCauses(error) : undefined;
  return { type: "failed", message: messageOf(error), stack, isExpected };
}

function stackWithCauses(error: Error): string {
  const cause = error.cause instanceof Error ? `\nCaused by: ${stackWithCauses(error.cause)}` : "";
  return `${error.stack ?? error}${cause}`;
}

function finish(message: ChildMessage): never {
  send(message);
  Deno.exit(message.type === "done" ? 0 : 1);
}

function send(message: ChildMessage): void {
  const bytes = new TextEncoder().encode(encodeMessage(message));
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** Kills this process when the runner is gone, from a thread of its own: a stage may keep this one busy for minutes. */
function dieWith(runner: number): void {
  const worker = new Worker(import.meta.resolve("./_watchdog.ts"), { type: "module" });
  worker.postMessage(runner);
}

async function readLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    text += decoder.decode(bytes, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return text;
}

if (import.meta.main) await main();
