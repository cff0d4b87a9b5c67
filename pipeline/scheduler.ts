/**
 * Runs what a plan says: each instance in a process, several at once, what begins the costliest chain first.
 */
import { messageOf, removeQuietly, removeTree, type UsageError } from "../base/mod.ts";
import { Capacity, type Share } from "./capacity.ts";
import {
  noteMachine,
  noteStop,
  openCheckpointFolder,
  otherInstructions,
  type StopPlace,
} from "./checkpoint_notes.ts";
import { requestOf, temporaryFolders } from "./child_request.ts";
import { EarlyChecks } from "./early_checks.ts";
import type { RunEvent, RunResult } from "./events.ts";
import type { ChildOutcome, ChildWork, Executor, RunningChild } from "./executors/executor.ts";
import { claimOf, Forecaster } from "./forecast.ts";
import { InputWitness, makersOf } from "./input_witness.ts";
import { mayShare } from "./instances.ts";
import type { Manifest } from "./manifest.ts";
import type { ObjectCheck } from "./object_check.ts";
import type { InstanceState, Planner } from "./plan.ts";
import { publish } from "./publication.ts";
import type { RunRecorder } from "./run_records.ts";
import type { InstanceId } from "./stage.ts";
import { StartQueue } from "./start_order.ts";
import { storageError } from "./storage_errors.ts";
import { WaitingList } from "./waiting_list.ts";

export interface SchedulerOptions {
  readonly planner: Planner;
  /** What to bring up to date, in the order of the plan. */
  readonly ids: readonly InstanceId[];
  /** Recomputed although the store has their results. */
  readonly forced: ReadonlySet<InstanceId>;
  /** Most processes at once. */
  readonly jobs: number;
  /** Go on, after a failure, with what does not need the failed one. */
  readonly keepGoing: boolean;
  /** How many checkpoints of a finished instance stay. */
  readonly keptCheckpoints: number;
  /** Checks what instances are given. */
  readonly objects: ObjectCheck;
  /** Notes what this run has asked for. */
  readonly recorder: RunRecorder;
  /** Where instances run. */
  readonly executor: Executor;
  emit(event: RunEvent): void;
}

/** Of an executor that queues by itself. */
const unlimited: Share = { threads: Infinity, memoryBytes: Infinity };

type Ready = Extract<InstanceState, { status: "run" }>;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queue: StartQueue;
  readonly #waiting: WaitingList;
  /** Outputs of what is fresh or done. */
  readonly #outputs = new Map<InstanceId, Manifest["outputs"]>();
  readonly #ready = new Map<InstanceId, Ready>();
  /** What was started and has not ended, from before its process is there until its result is stored. */
  readonly #active = new Set<InstanceId>();
  readonly #running = new Map<InstanceId, RunningChild>();
  readonly #forecaster: Forecaster;
  readonly #claims = new Map<InstanceId, Share>();
  readonly #capacity: Capacity;
  /** Objects that were found damaged: none is made again twice in one run. */
  readonly #mended = new Set<string>();
  readonly #runningKeys = new Set<string>();
  readonly #checks: EarlyChecks;
  /** How far what was started has come. */
  readonly #progress = new Map<InstanceId, StopPlace>();
  readonly #ran = new Set<InstanceId>();
  readonly #failed = new Set<InstanceId>();
  /** What others are to start. */
  readonly #leftTo = new Set<InstanceId>();
  #stoppedAt: number | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { planner, executor } = options;
    this.#capacity = new Capacity(executor.capacity() ?? unlimited);
    this.#queue = new StartQueue(options.ids, planner.instances);
    this.#waiting = new WaitingList(options.ids);
    this.#forecaster = new Forecaster(planner);
    this.#checks = new EarlyChecks(planner.instances, options.ids);
  }

  /** What the recipe must change before more of it can run, if early checks have found something. */
  get refusal(): UsageError | undefined {
    return this.#checks.refusal;
  }

  /** Runs until all is done, or as much as can be after a failure or `stop`. Never throws for a stage's failure. */
  async run(states: ReadonlyMap<InstanceId, InstanceState>): Promise<RunResult> {
    for (const [id, state] of states) this.#take(id, state, false);
    this.#advance();
    const ends = new Map<InstanceId, Promise<void>>();
    for (;;) {
      await this.#checks.makeWhenDue({
        isMade: (id) => this.#outputs.has(id),
        hasFailed: (id) => this.#failed.has(id),
        folderOf: (id, output) => this.#wholeFolder(this.#outputs.get(id)![output]),
      });
      for (let id = this.#next(); id !== undefined; id = this.#next()) {
        const ready = this.#ready.get(id)!;
        this.#dropReady(id);
        ends.set(id, this.#runOne(id, ready).finally(() => ends.delete(id)));
      }
      if (ends.size === 0) break;
      await Promise.race(ends.values());
      this.#advance();
    }
    return this.#result();
  }

  /** Starts nothing more and asks what runs to write a checkpoint and stop. Returns what runs. */
  stop(): readonly InstanceId[] {
    this.#stoppedAt = performance.now();
    for (const child of this.#running.values()) child.stop();
    return [...this.#running.keys()];
  }

  /** Ends what runs at once. */
  kill(): void {
    this.#stoppedAt ??= performance.now();
    for (const child of this.#running.values()) child.kill();
  }

  /** What to start now: of what is ready what begins the costliest chain, the first of these in the order of the plan. */
  #next(): InstanceId | undefined {
    const { jobs, keepGoing } = this.#options;
    if (this.#stoppedAt !== undefined || this.#active.size >= jobs) return undefined;
    if (!keepGoing && (this.#failed.size > 0 || this.refusal !== undefined)) return undefined;
    // Two instances may be the same action: the second waits and takes the result of the first.
    return this.#queue.first((id) =>
      !this.#runningKeys.has(this.#ready.get(id)!.key) && !this.#checks.holds(id) &&
      this.#capacity.fits(this.#claim(id))
    );
  }

  #claim(id: InstanceId): Share {
    const claim = this.#claims.get(id) ??
      claimOf(this.#options.planner.instances.get(id)!, this.#forecaster.of(id));
    this.#claims.set(id, claim);
    return claim;
  }

  /** Looks again at what was waiting: with its inputs known it is ready, or its stored result stands. */
  #advance(): void {
    const { planner, forced } = this.#options;
    const outputsOf = (id: InstanceId) => this.#outputs.get(id);
    for (let due = this.#waiting.take(); due.length > 0; due = this.#waiting.take()) {
      for (const id of due) {
        if (this.#outputs.has(id) || this.#ready.has(id) || this.#active.has(id)) continue;
        if (this.#failed.has(id) || this.#ran.has(id) || this.#leftTo.has(id)) continue;
        // The last one, as most are made in the order of their names.
        const missing = planner.instances.get(id)!.needs.findLast((it) => !this.#outputs.has(it));
        if (missing !== undefined) this.#waiting.wait(id, missing);
        else this.#take(id, planner.state(id, outputsOf, forced.has(id)), true);
      }
    }
  }

  #take(id: InstanceId, state: InstanceState, isNews: boolean): void {
    if (state.status === "run") {
      this.#ready.set(id, state);
      this.#queue.add(id);
    }
    if (state.status !== "fresh") return;
    this.#setOutputs(id, state.manifest.outputs);
    if (!isNews) return;
    this.#options.recorder.add(id, state.key);
    this.#options.emit({ type: "cached", instance: id, key: state.key });
  }

  #setOutputs(id: InstanceId, outputs: Manifest["outputs"]): void {
    this.#outputs.set(id, outputs);
    this.#waiting.made(id);
  }

  #dropReady(id: InstanceId): void {
    this.#ready.delete(id);
    this.#queue.delete(id);
    this.#waiting.look(id);
  }

  async #runOne(id: InstanceId, ready: Ready): Promise<void> {
    const { planner: { store, instances }, executor, emit, recorder } = this.#options;
    const { key, reason } = ready;
    const startedAt = performance.now();
    this.#active.add(id);
    this.#runningKeys.add(key);
    this.#capacity.take(this.#claim(id));
    let temporary: string | undefined;
    try {
      if (!await this.#inputsAreWhole(id, ready) || this.#stoppedAt !== undefined) return;
      const witness = await this.#witness(id, ready);
      if (this.#stoppedAt !== undefined) return;
      recorder.add(id, key);
      temporary = store.makeTemporary(temporaryFolders(instances.get(id)!));
      const work = this.#work(id, ready, temporary, witness);
      const adopted = await executor.adopt(work, this.#claim(id));
      const isResumed = adopted !== undefined || this.#openCheckpoint(id, key, witness);
      const child = adopted ?? await executor.start(work, this.#claim(id));
      this.#running.set(id, child);
      if (this.#stoppedAt !== undefined) adopted === undefined ? child.kill() : child.stop();
      const { place, pid } = child;
      emit({ type: "started", instance: id, key, reason, isResumed, place, pid });
      const outcome = await child.outcome;
      const change = witness.change();
      if (change !== undefined) {
        removeTree(store.checkpointFolder(key)); // it holds what was read
        this.#fail(id, key, `Cannot keep what ${id} made: ${change}; run again`, undefined);
      } else if (outcome.type === "stopped") {
        const stoppingMs = performance.now() - (this.#stoppedAt ?? startedAt);
        const place = outcome.isClean ? this.#progress.get(id) : undefined;
        const left = noteStop(store.checkpointFolder(key), place);
        emit({ type: "stopped", instance: id, stoppingMs, ...left });
      } else if (outcome.type === "left") {
        this.#leftTo.add(id);
        emit({ type: "stopped", instance: id, leftTo: outcome.to });
      } else if (outcome.type === "failed") {
        this.#fail(id, key, failureText(outcome), outcome.stack);
      } else await this.#publish(id, ready, outcome, child.folder, performance.now() - startedAt);
      child.clear?.();
    } catch (cause) {
      const error = storageError(cause, `keep what ${id} makes`, store.folder);
      this.#fail(id, key, messageOf(error), (error as Error).stack);
    } finally {
      this.#running.delete(id);
      this.#active.delete(id);
      this.#waiting.look(id); // where it has not run
      this.#runningKeys.delete(key);
      this.#capacity.giveBack(this.#claim(id));
      // What waited for the same action is looked at again: its result may be there now.
      for (const [other, waiting] of this.#ready) {
        if (waiting.key === key) this.#dropReady(other);
      }
      if (temporary !== undefined) removeQuietly(temporary);
    }
  }

  /**
   * Reads what an instance is about to be given. A damaged object is dropped and whoever made it runs again; the instance
   * is looked at again when that is done.
   */
  async #inputsAreWhole(id: InstanceId, { key, record }: Ready): Promise<boolean> {
    const { planner, objects } = this.#options;
    const { inputs } = planner.instances.get(id)!;
    let areWhole = true;
    for (const [digest, maker] of makersOf(inputs, record)) {
      const damage = await objects.damage(digest);
      if (damage === undefined) continue;
      areWhole = false;
      if (!this.#mend(digest, maker, damage)) {
        this.#fail(
          id,
          key,
          `Cannot use what ${maker} made: ${damage}; run ${maker} again`,
          undefined,
        );
        break;
      }
    }
    return areWhole;
  }

  /** The folder of an object; undefined where it is damaged. */
  async #wholeFolder(digest: string): Promise<string | undefined> {
    const { objects, planner: { store } } = this.#options;
    return await objects.damage(digest) === undefined ? store.objectFolder(digest) : undefined;
  }

  /** Drops a damaged object and lets its makers run again, once, when they belong to this run. */
  #mend(digest: string, maker: InstanceId, damage: string): boolean {
    const { planner: { store }, objects, ids, emit } = this.#options;
    const isDropped = this.#mended.has(digest) && !this.#hasOutput(maker, digest);
    if (isDropped) return true; // another consumer has seen to it
    store.dropObject(digest);
    objects.forget(digest);
    if (this.#mended.has(digest) || !ids.includes(maker)) return false;
    this.#mended.add(digest);
    emit({
      type: "log",
      instance: maker,
      level: "warn",
      message: `what it made is damaged and is made again: ${damage}`,
    });
    for (const other of [...this.#outputs.keys()]) {
      if (!this.#hasOutput(other, digest)) continue;
      this.#outputs.delete(other);
      this.#ran.delete(other);
      this.#waiting.look(other);
    }
    return true;
  }

  /** Sees to it that outside files are what was planned. */
  #witness(id: InstanceId, { record }: Ready): Promise<InputWitness> {
    const { planner, objects } = this.#options;
    const { declaration, inputs } = planner.instances.get(id)!;
    return InputWitness.of({
      digests: planner.files,
      objects,
      files: Object.entries(declaration.files)
        .map(([name, path]) => [path, record.inputs[`file:${name}`]] as const),
      makers: makersOf(inputs, record),
    });
  }

  #hasOutput(id: InstanceId, digest: string): boolean {
    return Object.values(this.#outputs.get(id) ?? {}).includes(digest);
  }

  /** Makes the checkpoint folder, empty when the instance is forced. Returns whether there is something to go on from. */
  #openCheckpoint(id: InstanceId, key: string, { fileNotes }: InputWitness): boolean {
    const { planner: { store }, forced, executor, emit } = this.#options;
    const folder = store.checkpointFolder(key);
    if (forced.has(id)) removeTree(folder);
    const isResumed = openCheckpointFolder(folder, key, fileNotes);
    if (executor.isHere && noteMachine(folder).length > 1 && isResumed) {
      emit({ type: "log", instance: id, level: "warn", message: otherInstructions });
    }
    return isResumed;
  }

  #work(
    id: InstanceId,
    { key, record }: Ready,
    temporary: string,
    { fileNotes }: InputWitness,
  ): ChildWork {
    const { planner, emit } = this.#options;
    const instance = planner.instances.get(id)!;
    for (const folder of instance.declaration.access?.folders ?? []) {
      Deno.mkdirSync(folder, { recursive: true });
    }
    return {
      key,
      temporary,
      logPath: planner.store.logPath(key),
      code: planner.codeOf(instance),
      isNative: instance.declaration.isNative,
      fileNotes,
      mayShare: mayShare(instance),
      request: requestOf(instance, { key, record, temporary, store: planner.store }),
      onMessage: (message) => {
        if (message.type === "checkpoint") emit({ type: "checkpoint", instance: id, key });
        else emit({ ...message, instance: id });
        if (message.type === "progress") this.#progress.set(id, message.state);
      },
    };
  }

  async #publish(
    id: InstanceId,
    { key, record }: Ready,
    made: Extract<ChildOutcome, { type: "done" }>,
    temporary: string,
    durationMs: number,
  ): Promise<void> {
    const { planner, objects, emit, keptCheckpoints } = this.#options;
    const work = { planner, objects, id, key, record, made, temporary, durationMs };
    const { outputs, cost } = await publish(work);
    planner.store.dropCheckpoints(key, keptCheckpoints);
    this.#ran.add(id);
    this.#setOutputs(id, outputs);
    emit({ type: "done", instance: id, key, ...cost, summary: made.summary, outputs });
  }

  #fail(id: InstanceId, key: string, message: string, stack: string | undefined): void {
    this.#failed.add(id);
    const log = this.#options.planner.store.logPath(key);
    this.#options.emit({ type: "failed", instance: id, message, stack, log });
  }

  #result(): RunResult {
    const { ids } = this.#options;
    const isCached = (id: InstanceId) => this.#outputs.has(id) && !this.#ran.has(id);
    const isLeft = (id: InstanceId) => !this.#outputs.has(id) && !this.#failed.has(id);
    return {
      ran: ids.filter((id) => this.#ran.has(id)),
      cached: ids.filter(isCached),
      failed: ids.filter((id) => this.#failed.has(id)),
      left: ids.filter(isLeft),
    };
  }
}

/** A defect is named with its kind and place; the message of an expected error says all. */
function failureText(outcome: Extract<ChildOutcome, { type: "failed" }>): string {
  if (outcome.isExpected || outcome.stack === undefined) return outcome.message;
  return outcome.stack.split("\n").slice(0, 3).join("\n");
}
