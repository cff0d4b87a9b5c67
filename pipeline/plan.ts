/**
 * What would run, and why: the state of every instance, as far as it is known before anything has run.
 */
import { type Json, UsageError } from "../base/mod.ts";
import type { CodeDigest, CodeDigests } from "./code_digest.ts";
import type { CodeEntry } from "./code_modules.ts";
import { type Interruption, interruptionOf, interruptionText } from "./checkpoint_notes.ts";
import { EarlierResults } from "./earlier_results.ts";
import type { FileDigests } from "./file_digests.ts";
import type { Instance, Instances, RecipeHead } from "./instances.ts";
import { actionKey, type ActionRecord, keyFormat } from "./key.ts";
import type { Manifest } from "./manifest.ts";
import type { InstanceCode } from "./program.ts";
import type { InstanceId } from "./stage.ts";
import type { Store } from "./store.ts";
import { type Difference, differencesBetween, differencesText } from "./what_changed.ts";

export type InstanceState =
  /** The store has its result. */
  | { readonly status: "fresh"; readonly key: string; readonly manifest: Manifest }
  /** Every input is known and no result is there. */
  | {
    readonly status: "run";
    readonly key: string;
    readonly record: ActionRecord;
    readonly reason: string;
    readonly nearest?: Nearest;
    /** What an earlier run has left of it. */
    readonly interruption?: Interruption;
  }
  /** Something it needs must run first; where nothing of its own differs it may then turn out fresh. */
  | {
    readonly status: "waiting";
    readonly on: readonly InstanceId[];
    readonly nearest?: Nearest;
  };

/** An earlier result of an instance: the one whose record differs in the fewest fields, and these fields. */
export interface Nearest {
  readonly manifest: Manifest;
  /** Of an instance that waits, differences in what is known already. */
  readonly differences: readonly Difference[];
}

interface PlannerOptions {
  readonly instances: Instances;
  readonly recipe: RecipeHead;
  readonly store: Store;
  readonly code: CodeDigests;
  readonly files: FileDigests;
}

const contextModule = import.meta.resolve("./stage_context.ts");

/** Finds states of instances. Holds no state of a run except the earlier results, for reasons. */
export class Planner {
  readonly instances: Instances;
  readonly recipe: PlannerOptions["recipe"];
  readonly store: Store;
  readonly #code: CodeDigests;
  readonly files: FileDigests;
  readonly earlier: EarlierResults;
  readonly #closures = new Map<string, Record<string, string>>();

  constructor({ instances, recipe, store, code, files }: PlannerOptions) {
    this.instances = instances;
    this.recipe = recipe;
    this.store = store;
    this.#code = code;
    this.files = files;
    this.earlier = new EarlierResults(store);
  }

  /** Finds the code digests that states need. Call before `state`. */
  async prepare(ids: readonly InstanceId[]): Promise<void> {
    await this.#code.prepare(
      ids.flatMap((id) => codeEntries(this.#instance(id)).map(([, entry]) => entry)),
    );
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
    const { declaration } = instance;
    const inputs: Record<string, string> = {};
    const waitingOn = new Set<InstanceId>();
    for (const [name, { from, output }] of instance.inputs) {
      const digest = outputsOf(from)?.[output];
      if (digest === undefined) waitingOn.add(from);
      else inputs[name] = digest;
    }
    const record = this.#record(instance, inputs);
    if (waitingOn.size > 0) {
      const nearest = this.#nearest(instance, record, true);
      return { status: "waiting", on: [...waitingOn].sort(), ...nearest };
    }
    const key = actionKey(record);
    const found = this.store.find(key);
    const isComplete = declaration.outputs.every((output) => found?.outputs[output] !== undefined);
    const manifest = isComplete ? found : undefined;
    if (manifest !== undefined && !forced) return { status: "fresh", key, manifest };
    if (manifest !== undefined) return { status: "run", key, record, reason: "forced" };
    const { nearest } = this.#nearest(instance, record, false);
    const reason = nearest === undefined ? "new" : differencesText(nearest.differences);
    const interruption = forced ? undefined : interruptionOf(this.store.checkpointFolder(key));
    return {
      status: "run",
      key,
      record,
      reason,
      ...(nearest && { nearest }),
      ...(interruption && { interruption }),
    };
  }

  /** What is known of the code of an instance, by role. */
  code(instance: Instance): ReadonlyMap<string, CodeDigest> {
    return new Map(
      codeEntries(instance).map(([role, entry]) => [role, this.#code.of(entry)] as const),
    );
  }

  /** What its program is made of. */
  codeOf(instance: Instance): InstanceCode {
    const { stage: { module }, declaration: { uses, hintModules } } = instance;
    return { module, uses, hintModules, digests: this.code(instance).values() };
  }

  #record(instance: Instance, inputs: Record<string, string>): ActionRecord {
    const { stage, rootSeed, declaration: { params, files, seeds } } = instance;
    for (const [name, path] of Object.entries(files)) {
      inputs[`file:${name}`] = this.#fileDigest(path, instance.id);
    }
    const code: Record<string, string> = {};
    const packages = new Set<string>();
    for (const [role, digest] of this.code(instance)) {
      code[role] = digest.digest;
      for (const name of digest.packages) packages.add(name);
    }
    return {
      format: keyFormat,
      stage: stage.name,
      code,
      packages: this.#closure(packages),
      params: params as Json,
      inputs,
      ...(seeds.length > 0 ? { seeds: { root: rootSeed, names: seeds } } : {}),
    };
  }

  /** Packages and all they depend on; many instances ask for the same. */
  #closure(packages: ReadonlySet<string>): Record<string, string> {
    const name = [...packages].sort().join(" ");
    const known = this.#closures.get(name) ?? this.#code.packages.closure(packages);
    this.#closures.set(name, known);
    return known;
  }

  #fileDigest(path: string, id: InstanceId): string {
    try {
      return this.files.digest(path);
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

  /** @param isPartial Whether inputs are missing in `record` that are not made yet. */
  #nearest(
    instance: Instance,
    record: ActionRecord,
    isPartial: boolean,
  ): { readonly nearest?: Nearest } {
    const code = this.code(instance);
    const after = { record, modules: modulesOf(code) };
    const paths = Object.fromEntries([...code].map(([role, { path }]) => [role, path]));
    const sources = this.#inputSources(instance);
    let nearest: Nearest | undefined;
    for (const manifest of this.earlier.of(instance.base)) {
      if (manifest.provenance.recipe !== this.recipe.name) continue;
      const differences = differencesBetween(manifest, after, sources, paths)
        .filter((it) => !(isPartial && it.kind === "input" && it.after === undefined));
      if (nearest !== undefined && nearest.differences.length <= differences.length) continue;
      nearest = { manifest, differences };
      if (differences.length === 0) break;
    }
    return nearest === undefined ? {} : { nearest };
  }

  /** Who makes each input, and where each outside file lies, by its name in a record. */
  #inputSources(instance: Instance): Record<string, string> {
    return Object.fromEntries([
      ...[...instance.inputs].map(([name, { from }]) => [name, from]),
      ...Object.entries(instance.declaration.files).map(([name, path]) => [`file:${name}`, path]),
    ]);
  }

  #instance(id: InstanceId): Instance {
    const instance = this.instances.get(id);
    if (instance === undefined) throw new RangeError(`Cannot plan "${id}": it is not in the plan`);
    return instance;
  }
}

/** The code of an instance by role: `run`, what makes its context, and each module that it uses. */
function codeEntries({ stage, declaration }: Instance): (readonly [string, CodeEntry])[] {
  const used = Object.entries(declaration.uses);
  const taken = used.find(([role]) => role === "run" || role === "context");
  if (taken !== undefined) {
    throw new Error(`Stage "${stage.name}" calls a module "${taken[0]}": expected another role`);
  }
  return [
    ["run", { module: stage.module, exports: "run" }],
    ["context", { module: contextModule, exports: "all" }],
    ...used.map(([role, module]): [string, CodeEntry] => [role, { module, exports: "all" }]),
  ];
}

/** Digest of what each module has in the bundles, by role: what names a change of code later. */
export function modulesOf(code: ReadonlyMap<string, CodeDigest>): NonNullable<Manifest["modules"]> {
  return Object.fromEntries([...code].map(([role, { modules }]) => [role, modules]));
}

/** Why an instance would run, as a line has room: what was interrupted is not new. */
export function runText(
  { reason, interruption }: Extract<InstanceState, { status: "run" }>,
): string {
  if (interruption === undefined) return reason;
  const text = interruptionText(interruption);
  return reason === "new" ? text : `${text}; ${reason}`;
}

/** `after words/a, words/b, words/c and 5 more; parameter steps: 8 → 9`: what an instance waits for, as a line has room. */
export function waitingText(
  { on, nearest }: Extract<InstanceState, { status: "waiting" }>,
): string {
  const rest = on.length > 3 ? ` and ${on.length - 3} more` : "";
  const own = nearest === undefined || nearest.differences.length === 0
    ? ""
    : `; ${differencesText(nearest.differences)}`;
  return `after ${on.slice(0, 3).join(", ")}${rest}${own}`;
}
