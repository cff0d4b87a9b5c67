/**
 * `run`: brings targets up to date and says how.
 */
import { formatDuration, UsageError } from "../base/mod.ts";
import { eventFormat, type RunEvent, type RunResult } from "../pipeline/events.ts";
import type { InstanceState } from "../pipeline/plan.ts";
import type { InstanceId, SharedWork } from "../pipeline/stage.ts";
import { withNeeds } from "../pipeline/targets.ts";
import { RunRecorder } from "../pipeline/run_records.ts";
import { forecastText, planEventParts, someOf } from "./plan_view.ts";
import { damagedObjects, dropDamaged } from "../pipeline/verification.ts";
import { wholeNumber, workerCount } from "./option_values.ts";
import { StoreHold } from "./busy.ts";
import { leftText, openExecutor } from "./executors.ts";
import { type ExecutorChoice, parseExecutor } from "../pipeline/executors/executor_option.ts";
import { checkSharesWork, type ExchangeOptions, sharedWorkOf } from "./exchange_options.ts";
import { freshText } from "./run_texts.ts";
import { terminalSize } from "./live_lines.ts";
import { RunView } from "./run_view.ts";
import { signalCodes, type StopSignal, StopWishes } from "./stop_signals.ts";
import { openSession, type Session } from "./session.ts";
import { isTable, showEnd } from "./run_end.ts";
import { addPlanOptions, type PlanOptions, typedOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print, printError, writeRaw } from "./screen.ts";

interface RunOptions extends PlanOptions, ExchangeOptions {
  readonly executor?: string;
  readonly detach?: boolean;
  readonly jobs?: string;
  readonly participants?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly only?: boolean;
  readonly keepGoing?: boolean;
  readonly wait: boolean;
  readonly verify?: boolean;
  readonly keepCheckpoints?: string;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly profile?: boolean;
  readonly json?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("-j, --jobs <n>", "processes at once (default: cores / threads; in a queue 100)")
        .option("-n, --dry-run", "say what would run and why, and stop")
        .option(
          "--executor <where>",
          "where processes run: local (default), slurm[:NAME=VALUE,…], or kubernetes:DIR,…",
        )
        .option("--detach", "with --executor slurm: queue all jobs, and do not wait for them")
        .option("--exchange <URL>", "offer sources of a round there, to other processes too")
        .option("--workers <n>", "processes that this run starts for them (default: 1)")
        .option(
          "--participants <file>",
          "short for --set pretrain.participants=FILE: replay rounds",
        )
        .option("-f, --force", "run the named targets even if they are fresh")
        .option("--only", "do not run what the targets need: it must be there")
        .option("-k, --keep-going", "after a failure, continue with what does not need it")
        .option("--no-wait", "end with code 1 when another run uses the store")
        .option("--verify", "read all fresh results again; damaged ones are made again")
        .option(
          "--keep-checkpoints <n>",
          "keep the newest n checkpoints of what finishes (default: 0)",
        )
        .option("-q, --quiet", "print errors only")
        .option("-v, --verbose", "print what stages log, and stacks of errors")
        .option("--profile", "print where the time of training went, by phase")
        .option("--json", "print events, one JSON object a line")
        .addHelpText("after", examples),
    ),
  act: async (project, targets: string[], options: RunOptions) =>
    await run(await project(), targets, withParticipants(options)),
};

/** The options with what `--participants` is short for. */
function withParticipants({ participants, ...options }: RunOptions): RunOptions {
  if (participants === undefined) return options;
  const set = `pretrain.participants=${JSON.stringify(participants)}`;
  return { ...options, set: [...options.set ?? [], set] };
}

/** Runs targets and returns the exit code. */
export async function run(
  project: Project,
  targets: readonly string[],
  options: RunOptions,
): Promise<number> {
  const keptCheckpoints = wholeNumber("--keep-checkpoints", options.keepCheckpoints ?? "0", 0);
  const executor = parseExecutor(options.executor ?? "local");
  const shared = sharedWorkOf(options);
  const session = await openSession(project, options, {
    create: options.dryRun !== true,
    targets,
    verify: options.verify,
    shared: shared && executor.kind !== "local" ? { ...shared, workers: 0 } : shared,
  });
  const named = session.select(targets);
  if (shared) checkSharesWork(neededBy(session, named), shared);
  const jobs = jobsOf(options, session, executor);
  if (!options.quiet && executor.kind === "local") warnOfThreads(session);
  if (options.dryRun) {
    await plan(session, named, options, jobs);
    return 0;
  }
  using turn = await StoreHold.take(session.store, ["run", ...targets].join(" "), options);
  if (turn === undefined) return 1;
  if (options.verify) await verifyWhatIsFresh(session, named, options);
  const planned = await plan(session, named, options, jobs);
  const recorder = recorderOf(session, planned, options);
  if (planned.isFresh) return 0;
  if (options.detach) {
    const { ids, forced, states } = planned;
    const due = ids.filter((id) => states.get(id)!.status !== "fresh");
    const { detach } = await import("./detach.ts");
    return await detach(session, { ids: due, forced }, executor, options);
  }
  if (executor.kind !== "in-job") recorder.begin(targets, keysOf(planned.states));
  const { result, signal } = await execute(
    session,
    planned,
    recorder,
    { ...options, keptCheckpoints },
    { executor, jobs, shared, turn },
  );
  const code = exitCode(result, signal);
  if (code === 0 && !options.json && !options.quiet) await showEnd(session, named, options);
  const left = leftText(executor, result.failed.length === 0 && code === 1);
  if (left !== undefined) {
    if (!options.json && !options.quiet) print(left);
    return leftCode;
  }
  if (code === 1 && result.failed.length === 0) {
    printError(
      `error: Cannot finish the run: expected every instance to be done, found ` +
        `${result.left.length} that are not: ${someOf(result.left)}; run it again`,
    );
  }
  return code;
}

function neededBy({ instances }: Session, named: readonly InstanceId[]) {
  return withNeeds(named, instances).map((id) => instances.get(id)!);
}

/** 0 if every instance is done, 1 if one is not, for whatever reason; after a signal what shells give for it. */
export function exitCode({ failed, left }: RunResult, signal: StopSignal | undefined): number {
  if (signal !== undefined) return signalCodes[signal];
  return failed.length + left.length === 0 ? 0 : 1;
}

interface Planned {
  readonly ids: readonly InstanceId[];
  readonly states: ReadonlyMap<InstanceId, InstanceState>;
  readonly forced: ReadonlySet<InstanceId>;
  readonly isFresh: boolean;
  readonly event: PlanEvent;
}

type PlanEvent = Extract<RunEvent, { type: "plan" }>;

/** Finds what would run and says so. */
async function plan(
  session: Session,
  named: readonly InstanceId[],
  options: RunOptions,
  jobs: number,
): Promise<Planned> {
  const { planner, recipe } = session;
  const forced = new Set(options.force ? named : []);
  const states = await session.states(named, forced);
  const ids = options.only ? named : [...states.keys()];
  if (options.only) checkInputsMade(ids, session, states);
  const event: PlanEvent = {
    type: "plan",
    format: eventFormat,
    ...headerOf(session, options, jobs),
    ...planEventParts(ids, states, planner, jobs),
  };
  const isFresh = event.instances.every(({ state }) => state === "fresh");
  if (options.json) {
    emitJson(event);
    if (isFresh && !options.dryRun) {
      emitJson({ type: "summary", durationMs: 0, ran: [], cached: ids, failed: [], left: [] });
    }
  } else if (isFresh && !options.quiet) {
    const which = named.length === session.instances.size
      ? `all ${named.length} instances of "${recipe.name}" are`
      : freshText(named, ids.length - named.length);
    print(`Nothing to do: ${which} fresh (${formatDuration(performance.now())})`);
    if (ids.some(isTable)) {
      print(`Print the results: deno task pipeline table${typedOptions(options)}`);
    }
  } else if (options.dryRun && !options.quiet) {
    for (const { instance, state, reason } of event.instances) {
      if (state !== "fresh") print(`${state.padEnd(8)} ${instance.padEnd(30)}  ${reason}`);
    }
    const count = (state: string) => event.instances.filter((it) => it.state === state).length;
    print(
      `Would run ${count("run")}, then as needed ${count("waiting")}; ${count("fresh")} are fresh`,
    );
    print(`Forecast: ${forecastText(event.forecast, jobs)}`);
  }
  return { ids, states, forced, isFresh, event };
}

/** What a run has for its instances. */
interface Means {
  readonly executor: ExecutorChoice;
  readonly jobs: number;
  readonly shared: SharedWork | undefined;
  readonly turn: StoreHold;
}

async function execute(
  session: Session,
  { ids, states, forced, event }: Planned,
  recorder: RunRecorder,
  options: RunOptions & { readonly keptCheckpoints: number },
  { executor: choice, jobs, shared, turn }: Means,
): Promise<{ result: RunResult; signal: StopSignal | undefined }> {
  const { Scheduler } = await import("../pipeline/scheduler.ts");
  const { planner, programs, instances } = session;
  for (const [id, { status }] of states) {
    if (status !== "fresh") programs.hold(planner.codeOf(instances.get(id)!));
  }
  const { emit, close } = reporter(options);
  const startedAt = performance.now();
  if (!options.json) emit(event);
  const executor = await openExecutor(choice, { session, options, shared, turn });
  const scheduler = new Scheduler({
    planner,
    ids,
    forced,
    jobs,
    keepGoing: options.keepGoing === true,
    keptCheckpoints: options.keptCheckpoints,
    objects: session.objects,
    recorder,
    executor,
    emit,
  });
  const wishes = new StopWishes({
    stop: (signal) => emit({ type: "stopping", signal, running: scheduler.stop() }),
    kill: () => scheduler.kill(),
  });
  using _ = wishes.listen();
  const result = await scheduler.run(states);
  await Promise.all([executor.close(), programs.close()]);
  const { signal } = wishes;
  const durationMs = performance.now() - startedAt;
  emit({ type: "summary", durationMs, ...result });
  recorder.end({
    durationMs,
    ran: result.ran.length,
    cached: result.cached.length,
    failed: result.failed.length,
    left: result.left.length,
  });
  close();
  session.saveCaches();
  if (scheduler.refusal !== undefined && signal === undefined) throw scheduler.refusal;
  return { result, signal };
}

/** Where events go: to lines of JSON, to a terminal, or, with --quiet, only errors to standard error. */
function reporter(options: RunOptions): { emit(event: RunEvent): void; close(): void } {
  const isTerminal = Deno.stdout.isTerminal() && !options.quiet && !options.json;
  const view = new RunView({
    isTerminal,
    size: terminalSize,
    write(text) {
      if (!options.quiet) writeRaw(Deno.stdout, text);
    },
    writeError: (text) => writeRaw(Deno.stderr, text),
  }, { isVerbose: options.verbose === true, showsProfiles: options.profile });
  let failure: unknown;
  /** A screen that cannot be written does not end what runs: its error waits for the end. */
  const guarded = (show: () => void) => {
    try {
      show();
    } catch (error) {
      failure ??= error;
    }
  };
  const timer = isTerminal ? setInterval(() => guarded(() => view.tick()), 500) : undefined;
  return {
    emit(event) {
      if (event.type === "plan") view.show(event); // nothing runs yet
      else guarded(() => options.json ? emitJson(event) : view.show(event));
    },
    close() {
      clearInterval(timer);
      if (failure !== undefined) throw failure;
    },
  };
}

function emitJson(event: RunEvent): void {
  print(JSON.stringify(event));
}

function headerOf({ recipe, storeName }: Session, options: RunOptions, jobs: number) {
  const { kind, threads } = recipe.engine;
  return {
    recipe: recipe.name,
    description: recipe.description.trim(),
    store: options.store ?? storeName,
    engine: `${kind}, ${threads} thread${threads === 1 ? "" : "s"}`,
    jobs,
  };
}

/** @throws UsageError if something outside the targets must run first */
function checkInputsMade(
  ids: readonly InstanceId[],
  { instances }: Session,
  states: ReadonlyMap<InstanceId, InstanceState>,
): void {
  for (const id of ids) {
    const missing = instances.get(id)!.needs
      .filter((needed) => !ids.includes(needed) && states.get(needed)!.status !== "fresh");
    if (missing.length > 0) {
      throw new UsageError(
        `Cannot run only ${id}: expected what it needs to be made, ` +
          `found that ${missing.join(", ")} would have to run first; leave out --only`,
      );
    }
  }
}

/** Threads are the recipe's, since results depend on their number: more than the machine has cores only wait for each other. */
function warnOfThreads({ recipe: { engine } }: Session): void {
  const cores = navigator.hardwareConcurrency;
  if (engine.threads <= cores) return;
  printError(
    `warning: engine.threads is ${engine.threads}, this machine has ${cores} cores: it will be slow`,
  );
}

/** The code of a run that has left jobs to others, as of `status` where something is not fresh. */
const leftCode = 3;

/** How many jobs wait or run in a queue at once, where nothing is said. */
const queuedJobs = 100;

function jobsOf({ jobs }: RunOptions, { recipe }: Session, { kind }: ExecutorChoice): number {
  if (jobs !== undefined) return workerCount("--jobs", jobs);
  if (kind !== "local") return queuedJobs;
  return Math.max(1, Math.floor(navigator.hardwareConcurrency / recipe.engine.threads));
}

/** Reads all fresh results of targets and of what they need, whatever stat records say; drops the damaged ones. */
async function verifyWhatIsFresh(
  session: Session,
  named: readonly InstanceId[],
  options: RunOptions,
): Promise<void> {
  const { objects, store } = session;
  const manifests = [...(await session.states(named)).values()]
    .flatMap((state) => state.status === "fresh" ? [state.manifest] : []);
  const found = await damagedObjects(objects, manifests);
  dropDamaged(store, objects, found);
  if (options.quiet) return;
  for (const { makers, damage } of found) printError(`damaged  ${makers.join(", ")}  ${damage}`);
}

/** Records that the recipe is run, with the keys that are known before it runs. */
function recorderOf(
  { store, recipe, instances }: Session,
  { states }: Planned,
  { set = [], engine, threads }: RunOptions,
): RunRecorder {
  const identity = { recipe: recipe.name, set, engine, threads };
  const recorder = new RunRecorder(store, identity, new Set(instances.keys()));
  recorder.addAll(keysOf(states));
  return recorder;
}

/** Keys that are known before anything runs. */
function keysOf(states: ReadonlyMap<InstanceId, InstanceState>) {
  return [...states].flatMap(([id, state]) =>
    state.status === "waiting" ? [] : [[id, state.key] as const]
  );
}

const examples = `
Examples:
  deno task pipeline run pretrain/trim             one instance and what it needs
  deno task pipeline run 'evaluate/*/random'       all that fit a pattern
  deno task pipeline run --recipe mine.yaml --set pretrain.rounds=3
  deno task pipeline run tokenize --dry-run        what would run, and why
  deno task pipeline run --executor slurm:partition=gpu,time=08:00:00`;
