/**
 * Checkpoints: named tensors in safetensors files, a record of plain data, and DONE written last.
 *
 * A checkpoint is a folder with any number of `<group>.safetensors`, `state.json`, and `DONE`, which holds the SHA-256 of
 * every other file; without a DONE that fits it does not exist. Tensors are float32, in the order of their names.
 *
 * A finished model (outputs `last` and `best` of pre-training, `model` of continuation) is the same thing:
 *   model.safetensors            what is shared: `embedding.*`, `body.*`
 *   local-<source>.safetensors   what a source keeps to itself (SPEC): its `embedding.*`
 *   state.json                   {model: configuration, vocabulary: "global" | "<source>" , step, ...}
 */
import { type Json, StageError } from "../base/mod.ts";

export type NamedTensor = {
  readonly shape: readonly number[];
  readonly data: Float32Array;
};

/** Tensors by parameter name. */
export type Tensors = Readonly<Record<string, NamedTensor>>;

/** Tensors that lie in a file and are read when they are asked for. */
export interface StoredTensors {
  readonly path: string;
  /** SHA-256 of the file. */
  readonly digest: string;
  /** Shapes by name. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** All of them. */
  read(): Tensors;
  /** @throws StageError where the file has no tensor of this name. */
  tensor(name: string): NamedTensor;
  /** Fills `values` with those of a tensor, from number `from` on. */
  fill(name: string, from: number, values: Float32Array): void;
}

/** Tensors in memory or in a file. */
export type Group = Tensors | StoredTensors;

export function isStored(group: Group): group is StoredTensors {
  return typeof group.digest === "string";
}

export function tensorsOf(group: Group): Tensors {
  return isStored(group) ? group.read() : group;
}

/** Fills `values` with those of a tensor, from number `from` on. */
export function readValues(group: Group, name: string, from: number, values: Float32Array): void {
  if (isStored(group)) group.fill(name, from, values);
  else values.set(group[name].data.subarray(from, from + values.length));
}

export interface Checkpoint<State = JsonObject, Groups extends Group = Tensors> {
  /** Tensors by group: `model`, `local-it`, `shared`. */
  readonly groups: Readonly<Record<string, Groups>>;
  readonly state: State;
}

export type JsonObject = { readonly [key: string]: Json | undefined };

/** Plain data that holds tensors at any depth, except inside of arrays. */
export type StateData = { readonly [key: string]: Json | Group | StateData | undefined };

/** State without its tensors, and the place of each group of them. */
type PackedState<Data> = {
  readonly data: Data;
  readonly places: { readonly [group: string]: readonly string[] };
};

/** A state as a checkpoint: its tensors become groups that are named after their places, such as `results.it.tensors`. */
export function packState(state: StateData): Checkpoint<JsonObject, Group> {
  const groups: Record<string, Group> = {};
  const places: Record<string, readonly string[]> = {};
  const withoutTensors = (data: StateData, place: readonly string[]): JsonObject => {
    const left: Record<string, Json | undefined> = {};
    for (const [key, value] of Object.entries(data)) {
      const at = [...place, key];
      if (isGroup(value)) {
        groups[at.join(".")] = value;
        places[at.join(".")] = at;
      } else left[key] = isObject(value) ? withoutTensors(value, at) : value;
    }
    return left;
  };
  return { state: { data: withoutTensors(state, []), places }, groups };
}

/**
 * The state that `packState` was given; the checkpoint's own data becomes part of it.
 * @throws StageError for a checkpoint that `packState` has not made.
 */
export function unpackState<State extends StateData>(
  { groups, state }: Checkpoint<JsonObject, Group>,
): State {
  const { data, places } = isObject(state) ? state as Partial<PackedState<State>> : {};
  const fail = (expected: string): never => {
    throw new StageError(`Cannot read the state of a checkpoint: expected ${expected}`);
  };
  if (!isObject(data) || !isObject(places)) return fail("data and places, found none");
  for (const [group, place] of Object.entries(places)) {
    let parent: Record<string, unknown> = data;
    if (!Array.isArray(place) || place.length === 0) fail(`a place for group "${group}"`);
    for (const key of place.slice(0, -1)) {
      const child = Object.hasOwn(parent, key) ? parent[key] : undefined;
      parent = isObject(child) ? child : fail(`"${key}" of ${place.join(".")} to be there`);
    }
    if (groups[group] === undefined) fail(`tensors of group "${group}", found none`);
    parent[place.at(-1)!] = groups[group];
  }
  return data as State;
}

function isGroup(value: Json | Group | StateData | undefined): value is Group {
  if (!isObject(value)) return false;
  if (typeof value.read === "function") return true;
  const [first] = Object.values(value);
  return isObject(first) && first.data instanceof Float32Array;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
