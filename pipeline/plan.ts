/**
 * What would run, and why: the state of every instance, as far as it is known before anything has run.
 */
import { type Json, UsageError } from "./base/mod.ts";
import type { CodeDigests, CodeEntry } from "./code_digest.ts";
import type { FileDigests } from "./file_digests.ts";
import type { Instance, Instances } from "./instances.ts";
import { actionKey, type ActionRecord, keyFormat } from "./key.ts";
import type { InstanceId } from "./stage.ts";
import type { Manifest, Store } from "./store.ts";
import { whatChanged } from "./what_changed.ts";

export type InstanceState =
  /** The store has its result. */
  | { readonly status: "fresh"; readonly key: string; readonly manifest: Manifest }
  /** Every input is known and no result is there. */
  | {
    readonly status: "run";
    readonly key: string;
    readonly record: ActionRecord;
    readonly reason: string;
  }
  /** Something it needs must run first; it may then turn out fresh. */
  | { readonly status: "waiting"; readonly on: readonly InstanceId[] };

export interface PlannerOptions {
  readonly instances: Instances;
  readonly recipe: { readonly name: string; readonly seed: number };
  readonly store: Store;
  readonly code: CodeDigests;
  readonly files: FileDigests;
}

/** Finds states of instances. Holds no state of a run but the newest manifests, for reasons. */
export class Planner {
  readonly instances: Instances;
  readonly recipe: PlannerOptions["recipe"];
  readonly store: Store;
  readonly #code: CodeDigests;
  readonly #files: FileDigests;
  #newest: Map<InstanceId, Manifest> | undefined;

  constructor({ instances, recipe, store, code, files }: PlannerOptions) {
    this.instances = instances;
    this.recipe = recipe;
    this.store = store;
    this.#code = code;
    this.#files = files;
  }

  /** Finds the code digests that states need. Call before `state`. */
  async prepare(ids: readonly InstanceId[]): Promise<void> {
    await this.#code.prepare(ids.flatMap((id) => this.#codeEntries(this.#instance(id))));
  }

  /** The states of instances that are in the order of a plan, before a run. */
  states(
    ids: readonly InstanceId[],
    forced: ReadonlySet<InstanceId> = new Set(),
  ): Map<InstanceId, InstanceState> {
    const states = new Map<InstanceId, InstanceState>();
    for (const id of ids) {
      states.set(
        id,
        this.state(id, (needed) => {
          const state = states.get(needed) ?? this.state(needed, () => undefined);
          return state.status === "fresh" ? state.manifest.outputs : undefined;
        }, forced.has(id)),
      );
    }
    return states;
  }

  /** @param outputsOf Object digests of an instance's outputs, when they are known. */
  state(
    id: InstanceId,
    outputsOf: (id: InstanceId) => Manifest["outputs"] | undefined,
    forced = false,
  ): InstanceState {
    const instance = this.#instance(id);
    const inputs: Record<string, string> = {};
    const waitingOn = new Set<InstanceId>();
    for (const [name, { from, output }] of instance.inputs) {
      const digest = outputsOf(from)?.[output];
      if (digest === undefined) waitingOn.add(from);
      else inputs[name] = digest;
    }
    if (waitingOn.size > 0) return { status: "waiting", on: [...waitingOn].sort() };
    const record = this.#record(instance, inputs);
    const key = actionKey(record);
    const manifest = this.store.find(key);
    if (manifest !== undefined && !forced) return { status: "fresh", key, manifest };
    const reason = manifest !== undefined ? "forced" : this.#reason(id, record);
    return { status: "run", key, record, reason };
  }

  /** Paths of an instance's outside files, by name. */
  files(instance: Instance): Readonly<Record<string, string>> {
    return instance.stage.files?.(this.recipe, instance.parts) ?? {};
  }

  #record(instance: Instance, inputs: Record<string, string>): ActionRecord {
    const { stage, parts, seeds } = instance;
    for (const [name, path] of Object.entries(this.files(instance))) {
      inputs[`file:${name}`] = this.#fileDigest(path, instance.id);
    }
    const code: Record<string, string> = {};
    const packages = new Set<string>();
    for (const entry of this.#codeEntries(instance)) {
      const digest = this.#code.of(entry);
      code[digest.path] = digest.digest;
      for (const name of digest.packages) packages.add(name);
    }
    return {
      format: keyFormat,
      stage: stage.name,
      code,
      packages: this.#code.packages.closure(packages),
      params: stage.params(this.recipe, parts) as Json,
      inputs,
      ...(seeds.length > 0 ? { seeds: { root: this.recipe.seed, names: seeds } } : {}),
    };
  }

  #codeEntries({ stage, parts }: Instance): CodeEntry[] {
    const used = Object.values(stage.uses?.(this.recipe, parts) ?? {});
    return [
      { module: stage.module, exports: "run" },
      ...used.map((module): CodeEntry => ({ module, exports: "all" })),
    ];
  }

  #fileDigest(path: string, id: InstanceId): string {
    try {
      return this.#files.digest(path);
    } catch (cause) {
      const found = cause instanceof Deno.errors.NotFound
        ? "nothing"
        : cause instanceof Deno.errors.IsADirectory
        ? "a folder"
        : `something that cannot be read (${(cause as Error).message})`;
      throw new UsageError(
        `Cannot read "${path}" for ${id}: expected a file, found ${found}`,
        { cause },
      );
    }
  }

  #reason(id: InstanceId, record: ActionRecord): string {
    this.#newest ??= this.#newestManifests();
    const before = this.#newest.get(id);
    return before === undefined ? "new" : whatChanged(before.record, record);
  }

  /** The last result of each instance of this recipe. */
  #newestManifests(): Map<InstanceId, Manifest> {
    const newest = new Map<InstanceId, Manifest>();
    for (const manifest of this.store.manifests()) {
      if (manifest.provenance.recipe !== this.recipe.name) continue;
      const other = newest.get(manifest.instance);
      if (other === undefined || other.provenance.madeAt < manifest.provenance.madeAt) {
        newest.set(manifest.instance, manifest);
      }
    }
    return newest;
  }

  #instance(id: InstanceId): Instance {
    const instance = this.instances.get(id);
    if (instance === undefined) throw new RangeError(`Cannot plan "${id}": it is not in the plan`);
    return instance;
  }
}

/** `after words/a, words/b, words/c and 5 more`: what an instance waits for, as a line has room. */
export function waitingText(on: readonly InstanceId[]): string {
  const rest = on.length > 3 ? ` and ${on.length - 3} more` : "";
  return `after ${on.slice(0, 3).join(", ")}${rest}`;
}
