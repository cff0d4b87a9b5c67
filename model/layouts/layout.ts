/**
 * A layout: how another program names and shapes the parameters of a network, and what its `config.json` says of it.
 */
import type { Json } from "../../base/mod.ts";
import type { ModelConfig } from "../config.ts";
import type { Shape } from "../shapes.ts";

/** What a `config.json` holds. */
export type ConfigJson = Readonly<Record<string, Json>>;

/** A parameter's values; the same as in a checkpoint. */
export interface LayoutTensor {
  readonly shape: Shape;
  readonly data: Float32Array;
}

export type LayoutTensors = Readonly<Record<string, LayoutTensor>>;

/**
 * A tensor of a file: its name and shape there, and the parameter of ours that it holds. `same`: the same numbers in the same
 * order. `transposed`: [in, out] there, [out, in] here. `heads`: rows of q, k and v head by head there, all q, all k, all v here.
 * `zeros`: a bias that our network has not, and the other cannot do without.
 */
export type TensorPlace =
  | {
    readonly theirs: string;
    readonly shape: Shape;
    readonly form: "same" | "transposed";
    readonly ours: string;
  }
  | {
    readonly theirs: string;
    readonly shape: Shape;
    readonly form: "heads";
    /** H. */
    readonly heads: number;
    readonly ours: string;
  }
  | {
    readonly theirs: string;
    readonly shape: Shape;
    readonly form: "zeros";
  };

/** Why a layout cannot hold a network. */
export interface Misfit {
  /** Follows "because": `MPT of transformers drops biases`. */
  readonly why: string;
  /** What the network would need instead; the names are also those of the recipe's keys under `model`. */
  readonly change: Partial<ModelConfig>;
}

export interface Layout {
  /** As `model_type` of `config.json` says it. */
  readonly modelType: string;
  /** The class of Python's transformers. */
  readonly architecture: string;
  /** The class of the same network with a linear head on the state of the last token. All but our own have no bias there. */
  readonly classifier: string;
  /** Names begin with it, or all names of a file lack it: files of the base class, without the head. */
  readonly prefix: string;
  /** The head's name, which has no prefix. Where the head is tied, a file may hold it as a copy of the token embedding. */
  readonly head?: string;
  /** Tensors of files that are no parameters: masks and the like. */
  readonly ignored: readonly RegExp[];
  /** Why it cannot hold a network exactly; undefined where it can. */
  misfit(config: ModelConfig): Misfit | undefined;
  /** The fields of `config.json` that say what the network is. */
  configJson(config: ModelConfig): ConfigJson;
  /**
   * The network that a `config.json` describes.
   * @throws RangeError that names the field of what our network cannot compute exactly, or what is no sensible value
   */
  readConfig(json: ConfigJson): ModelConfig;
  /** Every tensor of a file, in the order of our parameters. */
  places(config: ModelConfig): readonly TensorPlace[];
}

/** Where the table of a head that is not tied stands. */
export function untiedHead(theirs: string, shape: Shape): TensorPlace {
  return { theirs, ours: "embedding.output.weight", shape, form: "same" };
}
