/**
 * The network as data: tensors, nodes, graphs, and what an operator is.
 *
 * Operators are named and defined as in ONNX (opset 18; `com.microsoft` for the contributed ones of ONNX Runtime;
 * `dept` for the few that exist in neither). A graph defines results; an engine may rewrite it.
 */

export type DType = "float32" | "int32";

/** Static shape and element type. Scalars have shape []. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

type AttributeValue = number | string | readonly number[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** One application of an operator. Value names are unique in a graph. An empty input name is an absent optional input. */
export interface Node {
  readonly operator: Operator;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  /** Where it belongs, for errors and profiles: `body.block.3.attn`. */
  readonly scope: string;
}

/** A constant tensor. */
export interface Constant {
  readonly type: TensorType;
  readonly data: Float32Array | Int32Array;
}

/**
 * A static graph. `nodes` stand in an order in which every value is made before it is used.
 * In a training graph `gradients` names the value that holds the gradient of `outputs.loss` for each trained parameter.
 */
export interface Graph {
  /** Fed at every run, by name: token ids, targets, weights. */
  readonly inputs: Readonly<Record<string, TensorType>>;
  /** Kept by a program between runs, by parameter name. */
  readonly parameters: Readonly<Record<string, TensorType>>;
  readonly constants: Readonly<Record<string, Constant>>;
  readonly nodes: readonly Node[];
  /** Type of every value: inputs, parameters, constants and node outputs. */
  readonly types: Readonly<Record<string, TensorType>>;
  /** Value names by the name that callers use: `loss`, `nll`, `logits`. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Value names by parameter name; empty in an inference graph. */
  readonly gradients: Readonly<Record<string, string>>;
}

/** What a gradient rule may use to write nodes: the builder of the graph under construction. */
export interface NodeWriter {
  /** Applies an operator and returns its first output's name. */
  apply(operator: Operator, inputs: readonly string[], attributes?: Attributes): string;
  /** Applies an operator with several outputs and returns their names. */
  applyAll(
    operator: Operator,
    inputs: readonly string[],
    attributes?: Attributes,
  ): readonly string[];
  constant(data: ArrayLike<number>, type: TensorType): string;
  type(value: string): TensorType;
}

/** A row-major tensor: numbers in float64, ids as whole numbers. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array | Int32Array;
}

/** Computes the outputs of one operator; `outputs` are their types, as the operator's shape rule gives them. */
export type Kernel = (
  inputs: readonly Tensor[],
  outputs: readonly TensorType[],
  attributes: Attributes,
) => readonly (Float64Array | Int32Array)[];

/** One operator: an entry of the table in `ops/mod.ts`, a file each. */
export interface Operator {
  readonly name: string;
  /** "" (ONNX), "com.microsoft" or "dept". */
  readonly domain: string;
  /** Attributes of ours that ONNX takes as constant int64 inputs, in the order of those inputs. */
  readonly constantInputs?: readonly string[];
  /** Its definition, in float64, which the reference engine runs. */
  readonly evaluate: Kernel;
  /**
   * Types of the outputs.
   * @throws RangeError when the inputs do not fit, saying which, expected and found.
   */
  infer(inputs: readonly TensorType[], attributes: Attributes): readonly TensorType[];
  /**
   * Writes the nodes of the gradient: given a node and the gradients of its outputs (undefined where none flows),
   * returns the gradients of its inputs (undefined where none is defined or wanted). Undefined for operators that
   * appear only in gradients or have none.
   */
  gradient?(
    node: Node,
    outputGradients: readonly (string | undefined)[],
    writer: NodeWriter,
    wanted: readonly boolean[],
  ): readonly (string | undefined)[];
}
