/** Collects the nodes and constants of an ONNX graph while a graph of ours is lowered into it. */
import type { Attributes, DType, TensorType } from "../../model/mod.ts";
import { type OnnxNode, type OnnxTensor, rawBytes } from "./onnx_proto.ts";

interface EmitOptions {
  readonly attributes?: Attributes;
  readonly domain?: string;
  /** Names of the outputs; one fresh name when left out. */
  readonly outputs?: readonly string[];
}

export class OnnxBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly #constants = new Map<string, string>();
  #count = 0;
  #scope = "";

  /** Nodes emitted from here on belong to `scope`. */
  enter(scope: string): void {
    this.#scope = scope;
  }

  /** A value name that no graph of ours uses. */
  fresh(hint: string): string {
    return `${hint}~${this.#count++}`;
  }

  /** Adds a node and returns its first output's name. Its name is `scope/Op#n`, which errors and profiles show. */
  emit(op: string, inputs: readonly string[], options: EmitOptions = {}): string {
    const outputs = options.outputs ?? [this.fresh(op)];
    this.nodes.push({
      name: `${this.#scope}/${op}#${this.nodes.length}`,
      op,
      domain: options.domain ?? "",
      inputs,
      outputs,
      attributes: options.attributes ?? {},
    });
    return outputs[0];
  }

  /** A named constant of the graph. */
  initializer(name: string, type: TensorType, data: ArrayLike<number>): void {
    const bytes = rawBytes(data, type.dtype);
    this.initializers.push({ name, elementType: type.dtype, shape: type.shape, bytes });
  }

  scalar(value: number): string {
    return this.#constant([value], "float32", []);
  }

  /** A list of whole numbers as operators take shapes, axes and bounds. */
  integers(values: readonly number[]): string {
    return this.#constant(values, "int64", [values.length]);
  }

  ids(values: readonly number[]): string {
    return this.#constant(values, "int32", [values.length]);
  }

  reshape(value: string, shape: readonly number[], output?: string): string {
    const outputs = output === undefined ? undefined : [output];
    return this.emit("Reshape", [value, this.integers(shape)], { outputs });
  }

  /** One initializer for each distinct small constant. */
  #constant(
    values: readonly number[],
    elementType: DType | "int64",
    shape: readonly number[],
  ): string {
    const key = `${elementType} ${shape} ${values}`;
    let name = this.#constants.get(key);
    if (name === undefined) {
      name = this.fresh("constant");
      this.#constants.set(key, name);
      this.initializers.push({ name, elementType, shape, bytes: rawBytes(values, elementType) });
    }
    return name;
  }
}
