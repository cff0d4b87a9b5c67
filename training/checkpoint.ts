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
import type { Json } from "../base/mod.ts";

export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Tensors by parameter name. */
export type Tensors = Readonly<Record<string, NamedTensor>>;

export interface Checkpoint {
  /** Tensors by group: `model`, `local-it`, `optimizer`. */
  readonly groups: Readonly<Record<string, Tensors>>;
  readonly state: Json;
}
