/**
 * A program of TensorFlow.js: parameters, sums of gradients and moments stay with the backend between runs; feeds go in, outputs,
 * norms and losses come out.
 */
import type { Graph } from "../../model/mod.ts";
import { expandAttention } from "../attention_blocks.ts";
import type { AdamWOptions, Feeds, Fetches, UpdateResult } from "../engine.ts";
import { EngineProgram, type Shapes, type Store } from "../engine_program.ts";
import { gradientNormsOf } from "../gradient_norms.ts";
import { expandLayerNorms } from "../layer_norm_gradient.ts";
import { liveNodes } from "../live_nodes.ts";
import { kernels, type Tensor, type Tf } from "./kernels.ts";

/** Named tensors of the backend. */
class TensorStore implements Store {
  readonly #tf: Tf;
  readonly #shapes: Shapes;
  readonly #tensors = new Map<string, Tensor>();

  constructor(tf: Tf, shapes: Shapes) {
    this.#tf = tf;
    this.#shapes = shapes;
  }

  get(name: string): Tensor {
    if (!this.#tensors.has(name)) this.put(name, this.#tf.zeros([...this.#shapes[name]]));
    return this.#tensors.get(name)!;
  }

  /** Puts a tensor in the place of another, which is freed. */
  put(name: string, tensor: Tensor): void {
    this.#tensors.get(name)?.dispose();
    this.#tensors.set(name, this.#tf.keep(tensor));
  }

  write(values: Readonly<Record<string, Float32Array>>): void {
    for (const [name, data] of Object.entries(values)) {
      this.put(name, this.#tf.tensor(data.slice(), [...this.#shapes[name]]));
    }
  }

  read(names: readonly string[]): Record<string, Float32Array> {
    return Object.fromEntries(names.map((name) => [name, valuesOf(this.get(name))]));
  }

  clear(): void {
    for (const tensor of this.#tensors.values()) tensor.dispose();
    this.#tensors.clear();
  }
}

export class TfjsProgram extends EngineProgram<TensorStore> {
  readonly #tf: Tf;
  /** The graph as it runs: its attention taken apart. */
  readonly #expanded: Graph;
  readonly #constants = new Map<string, Tensor>();
  readonly #sums: TensorStore;

  /** @throws Error naming the operator that has no kernel here. */
  constructor(tf: Tf, graph: Graph, optimizer?: AdamWOptions) {
    super(graph, (shapes) => new TensorStore(tf, shapes), optimizer);
    this.#tf = tf;
    this.#sums = new TensorStore(tf, this.trained);
    this.#expanded = expandAttention(expandLayerNorms(graph));
    for (const { operator, scope } of this.#expanded.nodes) {
      if (Object.hasOwn(kernels, operator.name)) continue;
      throw new Error(
        `Cannot compile ${operator.name} in ${scope}: expected one of ${
          Object.keys(kernels).join(", ")
        }`,
      );
    }
    for (const [name, { type, data }] of Object.entries(this.#expanded.constants)) {
      this.#constants.set(name, tf.tensor(data.slice(), [...type.shape], type.dtype));
    }
  }

  // deno-lint-ignore require-await
  protected async compute(feeds: Feeds, outputs: readonly string[]): Promise<Fetches> {
    return this.#fetch(outputs, this.#evaluate(feeds, this.#valuesOf(outputs)));
  }

  // deno-lint-ignore require-await
  protected async addGradients(feeds: Feeds): Promise<Fetches> {
    const outputs = Object.keys(this.graph.outputs);
    const { gradients } = this.graph;
    const values = this.#evaluate(feeds, [
      ...this.#valuesOf(outputs),
      ...Object.values(gradients),
    ]);
    for (const name of Object.keys(this.trained)) {
      this.#sums.put(name, this.#tf.add(this.#sums.get(name), values.get(gradients[name])!));
    }
    return this.#fetch(outputs, values);
  }

  protected gradientNorms(): UpdateResult {
    return gradientNormsOf(
      Object.keys(this.trained).map((name) => {
        const squares = this.#tf.tidy(() => this.#tf.sum(this.#tf.square(this.#sums.get(name))));
        const [value] = valuesOf(squares);
        squares.dispose();
        return [name, value];
      }),
    );
  }

  /** θ ← θ − rate·(m̂ / (√v̂ + ε) + decay·θ), in single precision. */
  protected adamW(
    rates: ReadonlyMap<string, number>,
    scale: number,
    { beta1, beta2, epsilon, weightDecay }: AdamWOptions,
  ): void {
    const tf = this.#tf;
    const firstBias = 1 - beta1 ** this.step;
    const secondBias = 1 - beta2 ** this.step;
    for (const [name, rate] of rates) {
      const [m, v, value] = tf.tidy((): Tensor[] => {
        const gradient: Tensor = tf.mul(this.#sums.get(name), scale);
        const mix = (moment: string, beta: number, addend: Tensor): Tensor =>
          tf.add(tf.mul(this.moments.get(moment), beta), tf.mul(addend, 1 - beta));
        const m = mix(`${name}.m`, beta1, gradient);
        const v = mix(`${name}.v`, beta2, tf.square(gradient));
        const root = tf.add(tf.sqrt(tf.div(v, secondBias)), epsilon);
        const direction = tf.div(tf.div(m, firstBias), root);
        const kept = tf.mul(this.parameters.get(name), 1 - rate * weightDecay);
        return [m, v, tf.sub(kept, tf.mul(direction, rate))];
      });
      this.moments.put(`${name}.m`, m);
      this.moments.put(`${name}.v`, v);
      this.parameters.put(name, value);
    }
  }

  // deno-lint-ignore require-await
  async discard(): Promise<void> {
    this.#sums.clear();
  }

  // deno-lint-ignore require-await
  protected async release(): Promise<void> {
    for (const store of [this.parameters, this.moments, this.#sums]) store.clear();
    for (const tensor of this.#constants.values()) tensor.dispose();
    this.#constants.clear();
  }

  #valuesOf(outputs: readonly string[]): string[] {
    return outputs.map((name) => this.graph.outputs[name]);
  }

  /** Values of the graph by name, each once; the caller disposes of them. */
  #evaluate(feeds: Feeds, wanted: readonly string[]): Map<string, Tensor> {
    const graph = this.#expanded;
    const tf = this.#tf;
    const names = [...new Set(wanted)];
    const used = new Set(names);
    const nodes = liveNodes(graph, used);
    const inputs = Object.keys(graph.inputs).filter((name) => used.has(name));
    this.checkFeeds(inputs, feeds);
    const kept = new Map(this.#constants);
    for (const name of Object.keys(graph.parameters)) kept.set(name, this.parameters.get(name));
    const results = tf.tidy(() => {
      const values = new Map(kept);
      for (const name of inputs) {
        const { shape, dtype } = graph.inputs[name];
        values.set(name, tf.tensor(feeds[name].slice(), [...shape], dtype));
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
          const isLast = lastUse.get(input) === at && !used.has(input) && !kept.has(input);
          if (isLast) values.get(input)?.dispose();
        }
      });
      // A parameter or constant that is an output itself is not given away.
      return names.map((name) => tf.clone(values.get(name)!));
    });
    return new Map(names.map((name, i) => [name, results[i]]));
  }

  /** Takes the outputs to the host and disposes of all values. */
  #fetch(outputs: readonly string[], values: ReadonlyMap<string, Tensor>): Fetches {
    const fetched = outputs.map((name) =>
      [name, valuesOf(values.get(this.graph.outputs[name])!)] as const
    );
    for (const tensor of values.values()) tensor.dispose();
    return Object.fromEntries(fetched);
  }
}

/** A copy of a tensor's numbers. */
function valuesOf(tensor: Tensor): Float32Array {
  return Float32Array.from(tensor.dataSync());
}
