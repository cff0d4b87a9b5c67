/**
 * Instances as processes of this machine: starts them, reads what they say, keeps their logs. They end with the runner.
 */
import { join } from "node:path";
import { writeAll } from "../../base/mod.ts";
import { pathToFileURL } from "node:url";
import { machineCapacity, type Share } from "../capacity.ts";
import { LastWords } from "../last_words.ts";
import { bound, canBind } from "../bound_process.ts";
import { permissionsOf } from "../permissions.ts";
import { programsFolder } from "../made_programs.ts";
import { mainFile, type Programs } from "../program.ts";
import { changedFile, type Program, programFolder } from "../program_folder.ts";
import { type ChildMessage, type ChildRequest, decodeLine } from "../protocol.ts";
import {
  type ChildOutcome,
  type ChildWork,
  type Executor,
  isNews,
  type RunningChild,
} from "./executor.ts";

const permissionSet = "child";

/** By these, native libraries choose how they compute: with other threads, kernels or bits than a key says. */
const numericVariables = new RegExp(
  "^(NVIDIA_TF32_OVERRIDE|(CUBLAS|OMP|MKL|OPENBLAS|ORT)_.*|" +
    "TF_(ENABLE_ONEDNN_OPTS|DETERMINISTIC_OPS|CUDNN_DETERMINISTIC|NUM_INTRAOP_THREADS|NUM_INTEROP_THREADS))$",
);

/** What the process of an instance is given of the environment. */
export function childEnvironment(
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) => !numericVariables.test(name)),
  );
}

/** Runs instances as processes of this machine. */
export class LocalExecutor implements Executor {
  readonly #programs: Programs;
  #isBound: Promise<boolean> | undefined;

  constructor(programs: Programs) {
    this.#programs = programs;
  }

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
  readonly #log: Deno.FsFile;
  #isStopping = false;

  constructor(
    { request: asked, temporary, isNative, logPath, onMessage }: ChildWork,
    program: Program,
    isBound: boolean,
  ) {
    this.folder = temporary;
    this.#log = Deno.openSync(logPath, { append: true, create: true });
    this.#write(`-- ${asked.instance}, started ${new Date().toISOString()}`);
    const { request, config } = prepare(program, { ...asked, isBound }, isNative);
    const [command, ...before] = isBound ? bound(Deno.execPath()) : [Deno.execPath()];
    this.#process = new Deno.Command(command, {
      args: [
        ...before,
        "run",
        isNative ? "-A" : `-P=${permissionSet}`,
        "--quiet",
        "--no-prompt",
        "--no-remote", // some hosts of code may be imported from without a permission
        "--config",
        config,
        join(request.program, mainFile),
      ],
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
    const lastWords = new LastWords();
    const note = (line: string) => {
      if (line === "") return;
      this.#write(line);
      lastWords.note(line);
    };
    const readMessages = async () => {
      for await (const line of lines(this.#process.stdout)) {
        const { message, printed } = decodeLine(line);
        note(printed);
        if (message === undefined) continue;
        if (message.type === "log") this.#write(logLine(message));
        if (isNews(message)) onMessage(message);
        else outcome = message;
      }
    };
    const readErrors = async () => {
      for await (const line of lines(this.#process.stderr)) note(line);
    };
    const [status] = await Promise.all([
      this.#process.status,
      readMessages(),
      readErrors(),
      sendRequest(this.#process, request),
    ]);
    outcome ??= this.#isStopping
      ? { type: "stopped", isClean: false }
      : diedSilently(status, lastWords.text);
    if (outcome.type === "failed") this.#write(outcome.stack ?? outcome.message);
    this.#write(`-- ${outcome.type}`);
    this.#log.close();
    return outcome;
  }

  #write(line: string): void {
    writeAll(this.#log, `${line}\n`);
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch { /* it has ended */ }
  }
}

/** Lays out what the child runs. Returns the request with the places of its code, and the path of its configuration. */
function prepare(
  program: Program,
  asked: ChildRequest,
  isNative: boolean,
): { readonly request: ChildRequest; readonly config: string } {
  const own = asked.program;
  const folder = programFolder(
    program,
    programsFolder(join(asked.store, "cache")),
    join(own, "code"),
  );
  const modules = Object.entries(program.modules)
    .map(([role, name]) => [role, pathToFileURL(join(folder, name)).href]);
  const request = { ...asked, program: folder, modules: Object.fromEntries(modules) };
  if (isNative) return { request, config: join(folder, "deno.json") };
  // The permissions are those of this instance, not of its program.
  const permissions = { [permissionSet]: permissionsOf(request) };
  const settings = JSON.parse(Deno.readTextFileSync(join(folder, "deno.json")));
  const lock = { path: join(folder, "deno.lock") };
  const config = join(own, "deno.json");
  Deno.writeTextFileSync(config, JSON.stringify({ ...settings, lock, permissions }));
  return { request, config };
}

/** What a child has made, unless its program was changed while it ran. */
function whole(
  made: Extract<ChildOutcome, { type: "done" }>,
  program: Program,
  { instance, program: folder }: ChildRequest,
): ChildOutcome {
  const changed = changedFile(program, folder);
  if (changed === undefined) return made;
  const message = `Cannot keep what ${instance} made: expected its program to stay as it is, ` +
    `found "${join(folder, changed)}" written meanwhile; run again`;
  return { type: "failed", message, isExpected: true };
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

function logLine(message: Extract<ChildMessage, { type: "log" }>): string {
  const fields = message.fields === undefined ? "" : ` ${JSON.stringify(message.fields)}`;
  return `${message.level}: ${message.message}${fields}`;
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
