/**
 * A program of TensorFlow.js: parameters stay with the backend between runs; feeds go in, outputs come out.
 */
import type { Graph } from "../../model/mod.ts";
import { expectLength, expectName } from "../checks.ts";
import type { Feeds, Fetches, Program } from "../engine.ts";
import { FeedCheck } from "../feeds.ts";
import { liveNodes } from "../live_nodes.ts";
import { kernels, type Tensor, type Tf } from "./kernels.ts";

export class TfjsProgram implements Program {
  readonly graph: Graph;
  protected readonly tf: Tf;
  protected readonly parameters = new Map<string, Tensor>();
  readonly #constants = new Map<string, Tensor>();
  readonly #feeds: FeedCheck;

  /** @throws Error naming the operator that has no kernel here. */
  constructor(tf: Tf, graph: Graph) {
    this.tf = tf;
    this.graph = graph;
    this.#feeds = new FeedCheck(graph);
    for (const { operator, scope } of graph.nodes) {
      if (Object.hasOwn(kernels, operator.name)) continue;
      throw new Error(
        `Cannot compile ${operator.name} in ${scope}: expected one of ${
          Object.keys(kernels).join(", ")
        }`,
      );
    }
    for (const [name, { type, data }] of Object.entries(graph.constants)) {
      const dtype = type.dtype === "int32" ? "int32" : "float32";
      this.#constants.set(name, tf.tensor(data.slice(), [...type.shape], dtype));
    }
    for (const [name, { shape }] of Object.entries(graph.parameters)) {
      this.parameters.set(name, tf.zeros([...shape]));
    }
  }

  // deno-lint-ignore require-await
  async run(
    feeds: Feeds,
    outputs: readonly string[] = Object.keys(this.graph.outputs),
  ): Promise<Fetches> {
    for (const name of outputs) expectName(name, Object.keys(this.graph.outputs), "output");
    return this.fetch(
      outputs,
      this.compute(feeds, outputs.map((name) => this.graph.outputs[name])),
    );
  }

  // deno-lint-ignore require-await
  async write(values: Readonly<Record<string, Float32Array>>): Promise<void> {
    for (const [name, data] of Object.entries(values)) {
      expectLength(name, data.length, this.#parameter(name).size);
    }
    for (const [name, data] of Object.entries(values)) {
      const { shape } = this.#parameter(name);
      replace(this.parameters, name, this.tf.tensor(data.slice(), shape));
    }
  }

  // deno-lint-ignore require-await
  async read(
    names: readonly string[] = [...this.parameters.keys()],
  ): Promise<Record<string, Float32Array>> {
    return Object.fromEntries(names.map((name) => [name, valuesOf(this.#parameter(name))]));
  }

  // deno-lint-ignore require-await
  async dispose(): Promise<void> {
    for (const tensor of [...this.#constants.values(), ...this.parameters.values()]) {
      tensor.dispose();
    }
    this.#constants.clear();
    this.parameters.clear();
  }

  /** Values of the graph by name, each once; the caller disposes of them. */
  protected compute(feeds: Feeds, wanted: readonly string[]): Map<string, Tensor> {
    const { graph, tf } = this;
    const names = [...new Set(wanted)];
    const used = new Set(names);
    const nodes = liveNodes(graph, used);
    const inputs = Object.keys(graph.inputs).filter((name) => used.has(name));
    this.#feeds.check(inputs, feeds);
    const results = tf.tidy(() => {
      const values = new Map<string, Tensor>([...this.#constants, ...this.parameters]);
      for (const name of inputs) {
        const { shape, dtype } = graph.inputs[name];
        values.set(name, tf.tensor(feeds[name].slice(), [...shape], dtype as "float32" | "int32"));
      }
      const lastUse = new Map<string, number>();
      nodes.forEach(({ inputs }, at) => inputs.forEach((input) => lastUse.set(input, at)));
      nodes.forEach((node, at) => {
        const outputs = tf.tidy(() =>
          kernels[node.operator.name](
            tf,
            node.inputs.map((input) => values.get(input)!),
            node.outputs.map((output) => graph.types[output]),
            node.attributes,
          ) as Tensor[]
        );
        node.outputs.forEach((output, o) => values.set(output, outputs[o]));
        for (const input of node.inputs) {
          const isLast = lastUse.get(input) === at && !used.has(input) &&
            !this.parameters.has(input) && !this.#constants.has(input);
          if (isLast) values.get(input)?.dispose();
        }
      });
      // A parameter or constant that is an output itself is not given away.
      return names.map((name) => tf.clone(values.get(name)!));
    });
    return new Map(names.map((name, i) => [name, results[i]]));
  }

  /** Takes the outputs to the host and disposes of all values. */
  protected fetch(outputs: readonly string[], values: ReadonlyMap<string, Tensor>): Fetches {
    const fetched = outputs.map((name) =>
      [name, valuesOf(values.get(this.graph.outputs[name])!)] as const
    );
    for (const tensor of values.values()) tensor.dispose();
    return Object.fromEntries(fetched);
  }

  #parameter(name: string): Tensor {
    expectName(name, Object.keys(this.graph.parameters), "parameter");
    return this.parameters.get(name)!;
  }
}

/** A copy of a tensor's numbers. */
export function valuesOf(tensor: Tensor): Float32Array {
  return Float32Array.from(tensor.dataSync());
}

/** Puts a tensor in the place of another, which is freed. */
export function replace(tensors: Map<string, Tensor>, name: string, by: Tensor): void {
  tensors.get(name)?.dispose();
  tensors.set(name, by);
}
