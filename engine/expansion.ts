/**
 * Writes nodes of ours in the place of others: an engine that has no kernel for an operator takes it apart before it compiles a
 * graph. Names of values that other nodes read stay as they are.
 */
import type {
  Attributes,
  Constant,
  Graph,
  Node,
  NodeWriter,
  Operator,
  TensorType,
} from "../model/mod.ts";

export class Expansion implements NodeWriter {
  readonly #graph: Graph;
  readonly #types: Record<string, TensorType>;
  readonly #constants: Record<string, Constant>;
  readonly #nodes: Node[] = [];
  #place: Node | undefined;
  #count = 0;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#types = { ...graph.types };
    this.#constants = { ...graph.constants };
  }

  /** The graph with the nodes that `replace` writes for each of its nodes, or with the node itself where that returns false. */
  expand(replace: (node: Node) => boolean): Graph {
    for (const node of this.#graph.nodes) {
      this.#place = node;
      if (!replace(node)) this.#nodes.push(node);
    }
    return {
      ...this.#graph,
      nodes: this.#nodes,
      types: this.#types,
      constants: this.#constants,
    };
  }

  /** @param output The name of the first output, where a value of the graph is made. */
  apply(
    operator: Operator,
    inputs: readonly string[],
    attributes: Attributes = {},
    output?: string,
  ): string {
    return this.#write(operator, inputs, attributes, output)[0];
  }

  applyAll(
    operator: Operator,
    inputs: readonly string[],
    attributes: Attributes = {},
  ): readonly string[] {
    return this.#write(operator, inputs, attributes);
  }

  constant(data: ArrayLike<number>, type: TensorType): string {
    const name = this.#fresh("constant");
    const array = type.dtype === "float32" ? Float32Array : Int32Array;
    this.#types[name] = type;
    this.#constants[name] = { type, data: array.from(data) };
    return name;
  }

  type(value: string): TensorType {
    return this.#types[value];
  }

  #write(
    operator: Operator,
    inputs: readonly string[],
    attributes: Attributes,
    output?: string,
  ): readonly string[] {
    const types = operator.infer(inputs.map((input) => this.#types[input]), attributes);
    const outputs = types.map((type, i) => {
      const name = i === 0 && output !== undefined ? output : this.#fresh(operator.name);
      this.#types[name] = type;
      return name;
    });
    this.#nodes.push({ operator, inputs, outputs, attributes, scope: this.#place!.scope });
    return outputs;
  }

  #fresh(hint: string): string {
    return `${this.#place!.outputs[0]}~${hint}${this.#count++}`;
  }
}
