/**
 * Runs what a plan says: each instance in a process of its own, several at once, the costly first.
 */
import { messageOf } from "./base/mod.ts";
import { Child, type ChildOutcome } from "./child_process.ts";
import type { RunEvent, RunResult } from "./events.ts";
import type { InstanceState, Planner } from "./plan.ts";
import type { InstanceId } from "./stage.ts";
import { type Manifest, provenance, removeTree } from "./store.ts";
import { childrenLockPath } from "./store_lock.ts";

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
  /** The folder of `deno.json`. */
  readonly root: string;
  emit(event: RunEvent): void;
}

type Ready = Extract<InstanceState, { status: "run" }>;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #weights: ReadonlyMap<InstanceId, number>;
  /** Outputs of what is fresh or done. */
  readonly #outputs = new Map<InstanceId, Manifest["outputs"]>();
  readonly #ready = new Map<InstanceId, Ready>();
  readonly #running = new Map<InstanceId, Child>();
  readonly #runningKeys = new Set<string>();
  readonly #ran = new Set<InstanceId>();
  readonly #failed = new Set<InstanceId>();
  #isStopping = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { planner } = options;
    this.#weights = new Map(options.ids.map((id) => {
      const { stage, parts } = planner.instances.get(id)!;
      return [id, stage.weight?.(planner.recipe, parts) ?? 1];
    }));
  }

  /** Runs until all is done, or as much as can be after a failure or `stop`. Never throws for a stage's failure. */
  async run(states: ReadonlyMap<InstanceId, InstanceState>): Promise<RunResult> {
    for (const [id, state] of states) this.#take(id, state, false);
    this.#advance();
    const ends = new Map<InstanceId, Promise<void>>();
    for (;;) {
      for (let id = this.#next(); id !== undefined; id = this.#next()) {
        const end = this.#runOne(id, this.#ready.get(id)!).finally(() => ends.delete(id));
        this.#ready.delete(id);
        ends.set(id, end);
      }
      if (ends.size === 0) break;
      await Promise.race(ends.values());
      this.#advance();
    }
    return this.#result();
  }

  /** Starts nothing more and asks what runs to write a checkpoint and stop. Returns what runs. */
  stop(): readonly InstanceId[] {
    this.#isStopping = true;
    for (const child of this.#running.values()) child.stop();
    return [...this.#running.keys()];
  }

  /** Ends what runs at once. */
  kill(): void {
    this.#isStopping = true;
    for (const child of this.#running.values()) child.kill();
  }

  /** What to start now: the costliest of what is ready, the first of these in the order of the plan. */
  #next(): InstanceId | undefined {
    const { ids, jobs, keepGoing } = this.#options;
    if (this.#isStopping || this.#running.size >= jobs) return undefined;
    if (this.#failed.size > 0 && !keepGoing) return undefined;
    const startable = ids.filter((id) => {
      const ready = this.#ready.get(id);
      // Two instances may be the same action: the second waits and takes the result of the first.
      return ready !== undefined && !this.#runningKeys.has(ready.key);
    });
    if (startable.length === 0) return undefined;
    const weight = (id: InstanceId) => this.#weights.get(id)!;
    return startable.reduce((best, id) => weight(id) > weight(best) ? id : best);
  }

  /** Looks again at what was waiting: with its inputs known it is ready, or its stored result stands. */
  #advance(): void {
    const { planner, ids, forced } = this.#options;
    for (const id of ids) {
      if (this.#outputs.has(id) || this.#ready.has(id) || this.#running.has(id)) continue;
      if (this.#failed.has(id) || this.#ran.has(id)) continue;
      const { needs } = planner.instances.get(id)!;
      if (!needs.every((needed) => this.#outputs.has(needed))) continue;
      this.#take(
        id,
        planner.state(id, (needed) => this.#outputs.get(needed), forced.has(id)),
        true,
      );
    }
  }

  #take(id: InstanceId, state: InstanceState, isNews: boolean): void {
    if (state.status === "run") this.#ready.set(id, state);
    if (state.status !== "fresh") return;
    this.#outputs.set(id, state.manifest.outputs);
    if (isNews) this.#options.emit({ type: "cached", instance: id, key: state.key });
  }

  async #runOne(id: InstanceId, ready: Ready): Promise<void> {
    const { planner: { store, instances }, emit } = this.#options;
    const { key, reason } = ready;
    const startedAt = performance.now();
    this.#runningKeys.add(key);
    let temporary: string | undefined;
    try {
      temporary = store.makeTemporary(instances.get(id)!.stage.outputs);
      const isResumed = this.#openCheckpoint(id, key);
      const child = this.#startChild(id, ready, temporary);
      this.#running.set(id, child);
      emit({ type: "started", instance: id, key, reason, isResumed, pid: child.pid });
      const outcome = await child.outcome;
      if (outcome.type === "stopped") emit({ type: "stopped", instance: id });
      else if (outcome.type === "failed") this.#fail(id, key, failureText(outcome), outcome.stack);
      else this.#publish(id, ready, outcome, temporary, performance.now() - startedAt);
    } catch (error) {
      this.#fail(id, key, messageOf(error), (error as Error).stack);
    } finally {
      this.#running.delete(id);
      this.#runningKeys.delete(key);
      // What waited for the same action is looked at again: its result may be there now.
      for (const [other, waiting] of this.#ready) {
        if (waiting.key === key) this.#ready.delete(other);
      }
      if (temporary !== undefined) removeTree(temporary);
    }
  }

  /** Makes the checkpoint folder, empty when the instance is forced. Returns whether there is something to go on from. */
  #openCheckpoint(id: InstanceId, key: string): boolean {
    const { planner: { store }, forced } = this.#options;
    const folder = store.checkpointFolder(key);
    if (forced.has(id)) removeTree(folder);
    Deno.mkdirSync(folder, { recursive: true });
    for (const _ of Deno.readDirSync(folder)) return true;
    return false;
  }

  #startChild(id: InstanceId, { key, record }: Ready, temporary: string): Child {
    const { planner, root, emit } = this.#options;
    const { store, recipe } = planner;
    const instance = planner.instances.get(id)!;
    const inputs = [...instance.inputs].map(([name, { from }]) => {
      store.checkObject(record.inputs[name], from);
      return [name, store.objectFolder(record.inputs[name])] as const;
    });
    return new Child({
      root,
      logPath: store.logPath(key),
      request: {
        runner: Deno.pid,
        lock: childrenLockPath(store.folder),
        instance: id,
        module: instance.stage.module,
        modules: instance.stage.uses?.(recipe, instance.parts) ?? {},
        parts: instance.parts,
        params: instance.stage.params(recipe, instance.parts),
        inputs: Object.fromEntries(inputs),
        files: planner.files(instance),
        outputs: Object.fromEntries(
          instance.stage.outputs.map((output) => [output, `${temporary}/${output}`]),
        ),
        checkpointFolder: store.checkpointFolder(key),
        seeds: { root: recipe.seed, names: instance.seeds },
      },
      onMessage: (message) => {
        if (message.type === "progress") emit({ ...message, instance: id });
        if (message.type === "log") emit({ ...message, instance: id });
      },
    });
  }

  #publish(
    id: InstanceId,
    { key, record }: Ready,
    { outputs, summary }: Extract<ChildOutcome, { type: "done" }>,
    temporary: string,
    durationMs: number,
  ): void {
    const { planner: { store, recipe }, emit } = this.#options;
    const digests = Object.fromEntries(
      Object.entries(outputs).map(([output, listing]) => [
        output,
        store.publishObject(`${temporary}/${output}`, listing),
      ]),
    );
    store.writeManifest({
      format: 1,
      key,
      instance: id,
      record,
      outputs: digests,
      summary,
      provenance: provenance(recipe.name, durationMs),
    });
    removeTree(store.checkpointFolder(key));
    this.#ran.add(id);
    this.#outputs.set(id, digests);
    emit({ type: "done", instance: id, key, durationMs, summary, outputs: digests });
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
