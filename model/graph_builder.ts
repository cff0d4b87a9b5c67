/**
 * Builds a graph node by node and checks every shape.
 */
import type {
  Attributes,
  Constant,
  Graph,
  Node,
  NodeWriter,
  Operator,
  TensorType,
} from "./operator.ts";
import { float32, formatShape, type Shape, sizeOf } from "./shapes.ts";

/** Constants of at most this many elements are kept once however often they are asked for. */
const sharedConstantSize = 16;

/** Writes a graph: inputs, parameters, constants and nodes, then `build`. */
export class GraphBuilder implements NodeWriter {
  readonly #inputs: Record<string, TensorType> = {};
  readonly #parameters: Record<string, TensorType> = {};
  readonly #constants: Record<string, Constant> = {};
  readonly #types: Record<string, TensorType> = {};
  readonly #nodes: Node[] = [];
  /** Names of small constants by their content. */
  readonly #shared = new Map<string, string>();
  /** How often a prefix of value names was used. */
  readonly #counts = new Map<string, number>();
  #scope = "";

  /** A builder that goes on where a graph ends. */
  static extending(graph: Graph): GraphBuilder {
    const builder = new GraphBuilder();
    Object.assign(builder.#inputs, graph.inputs);
    Object.assign(builder.#parameters, graph.parameters);
    Object.assign(builder.#constants, graph.constants);
    Object.assign(builder.#types, graph.types);
    builder.#nodes.push(...graph.nodes);
    for (const [name, constant] of Object.entries(graph.constants)) {
      builder.#share(name, constant);
    }
    return builder;
  }

  /** Declares a tensor that is fed at every run. @throws RangeError when the name is taken or a length is not 1 or more. */
  input(name: string, type: TensorType): string {
    this.#inputs[name] = this.#declare(name, type);
    return name;
  }

  /** Declares a float32 parameter. @throws RangeError when the name is taken or a length is not 1 or more. */
  parameter(name: string, shape: Shape): string {
    this.#parameters[name] = this.#declare(name, float32(shape));
    return name;
  }

  constant(data: ArrayLike<number>, type: TensorType): string {
    if (data.length !== sizeOf(type.shape)) {
      throw new RangeError(
        `Cannot build a constant in ${this.#place()}: expected ${
          sizeOf(type.shape)
        } elements for shape ${formatShape(type.shape)}, found ${data.length}`,
      );
    }
    const array = type.dtype === "float32" ? Float32Array : Int32Array;
    const constant = { type, data: array.from(data) };
    const known = this.#shared.get(keyOf(constant));
    if (known !== undefined) return known;
    const name = this.#freeName("constant");
    this.#constants[name] = { ...constant, type: this.#declare(name, type) };
    this.#share(name, constant);
    return name;
  }

  /** Nodes written inside `write` belong to `scope`: `body.block.3.attn`. */
  within<Result>(scope: string, write: () => Result): Result {
    const outer = this.#scope;
    this.#scope = scope;
    try {
      return write();
    } finally {
      this.#scope = outer;
    }
  }

  apply(operator: Operator, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.applyAll(operator, inputs, attributes)[0];
  }

  applyAll(
    operator: Operator,
    inputs: readonly string[],
    attributes: Attributes = {},
  ): readonly string[] {
    const { name: op } = operator;
    const types = inputs.map((input) => this.type(input));
    const outputTypes = this.#infer(op, () => operator.infer(types, attributes));
    const scope = this.#scope;
    const prefix = scope === "" ? op : `${scope}/${op}`;
    const outputs = outputTypes.map((type) => {
      const name = this.#freeName(prefix);
      this.#declare(name, type);
      return name;
    });
    this.#nodes.push({ operator, inputs, outputs, attributes, scope });
    return outputs;
  }

  /** @throws RangeError for a value that the graph does not have. */
  type(value: string): TensorType {
    if (!Object.hasOwn(this.#types, value)) {
      throw new RangeError(
        `Cannot use value "${value}" in ${this.#place()}: expected one that was made before, found none`,
      );
    }
    return this.#types[value];
  }

  /**
   * The graph, without the nodes and constants on which neither an output nor a gradient depends. Inputs and parameters stay
   * as declared: they are what callers feed and keep.
   */
  build(
    outputs: Readonly<Record<string, string>>,
    gradients: Readonly<Record<string, string>> = {},
  ): Graph {
    const needed = new Set([...Object.values(outputs), ...Object.values(gradients)]);
    for (const value of needed) this.type(value);
    const nodes: Node[] = [];
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some((output) => needed.has(output))) continue;
      for (const input of node.inputs) needed.add(input);
      nodes.push(node);
    }
    nodes.reverse();
    const made = new Set(nodes.flatMap((node) => node.outputs));
    const isKept = (name: string) =>
      made.has(name) || needed.has(name) || Object.hasOwn(this.#inputs, name) ||
      Object.hasOwn(this.#parameters, name);
    return {
      inputs: { ...this.#inputs },
      parameters: { ...this.#parameters },
      constants: keep(this.#constants, (name) => needed.has(name)),
      nodes,
      types: keep(this.#types, isKept),
      outputs: { ...outputs },
      gradients: { ...gradients },
    };
  }

  #infer(op: string, infer: () => readonly TensorType[]): readonly TensorType[] {
    try {
      return infer();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new RangeError(`Cannot build ${op} in ${this.#place()}: ${error.message}`, {
        cause: error,
      });
    }
  }

  #declare(name: string, type: TensorType): TensorType {
    if (Object.hasOwn(this.#types, name)) {
      throw new RangeError(
        `Cannot add value "${name}" to the graph: expected a name that is free, found one in use`,
      );
    }
    if (!type.shape.every((length) => Number.isInteger(length) && length >= 1)) {
      throw new RangeError(
        `Cannot add value "${name}" to the graph: expected lengths of 1 or more, found ${
          formatShape(type.shape)
        }`,
      );
    }
    this.#types[name] = type;
    return type;
  }

  #freeName(prefix: string): string {
    for (let i = this.#counts.get(prefix) ?? 0;; i++) {
      const name = i === 0 ? prefix : `${prefix}_${i}`;
      if (Object.hasOwn(this.#types, name)) continue;
      this.#counts.set(prefix, i + 1);
      return name;
    }
  }

  #share(name: string, constant: Constant): void {
    if (constant.data.length <= sharedConstantSize) this.#shared.set(keyOf(constant), name);
  }

  #place(): string {
    return this.#scope === "" ? "the graph" : this.#scope;
  }
}

function keyOf({ type, data }: Constant): string {
  return data.length > sharedConstantSize
    ? ""
    : `${type.dtype}${formatShape(type.shape)}${data.join()}`;
}

function keep<Value>(
  record: Readonly<Record<string, Value>>,
  isKept: (name: string) => boolean,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => isKept(name)));
}
