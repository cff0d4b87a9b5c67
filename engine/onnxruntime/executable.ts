/** A graph made ready to compute chosen values: lowered, opened as a session, bound to a program's parameters. */
import { type Graph, sizeOf } from "../../model/mod.ts";
import type { Feeds } from "../engine.ts";
import { type Binding, lower, type Lowered } from "./lowering.ts";
import type { OnnxValue } from "./onnx_proto.ts";
import { Session, type SessionData, type SessionOptions, type Tensor, tensor } from "./session.ts";

/** Where a run writes each value. */
type Targets = ReadonlyMap<string, SessionData>;

export class Executable {
  readonly #graph: Graph;
  readonly #session: Session;
  readonly #inputs: readonly OnnxValue[];
  readonly #outputs: readonly Binding[];
  readonly #parameters: Readonly<Record<string, Tensor>>;

  private constructor(
    graph: Graph,
    session: Session,
    { inputs, outputs }: Lowered,
    parameters: Readonly<Record<string, Tensor>>,
  ) {
    this.#graph = graph;
    this.#session = session;
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#parameters = parameters;
  }

  /** `parameters` are read where they lie at every run. */
  static async open(
    graph: Graph,
    values: readonly string[],
    parameters: Readonly<Record<string, Float32Array>>,
    options: SessionOptions,
  ): Promise<Executable> {
    const lowered = lower(graph, values);
    const session = await Session.open(lowered.onnx, options);
    const tensors = Object.fromEntries(
      lowered.parameters.map((one) => [one.onnx.name, boundTensor(one, parameters[one.of])]),
    );
    return new Executable(graph, session, lowered, tensors);
  }

  /** Names of the inputs that have to be fed. */
  get inputs(): string[] {
    return this.#inputs.map(({ name }) => name);
  }

  /** An array that fits a value. */
  allocate(value: string): SessionData {
    const { dtype, shape } = this.#graph.types[value];
    return dtype === "float32" ? new Float32Array(sizeOf(shape)) : new Int32Array(sizeOf(shape));
  }

  /** Runs once, fills the targets. They have to hold every value that the executable was opened for; feeds were checked. */
  async run(feeds: Feeds, targets: Targets): Promise<void> {
    const fed = { ...this.#parameters };
    for (const value of this.#inputs) {
      fed[value.name] = tensor(value, feeds[value.name]);
    }
    const filled: Record<string, Tensor> = {};
    for (const output of this.#outputs) {
      filled[output.onnx.name] = boundTensor(output, targets.get(output.of)!);
    }
    await this.#session.run(fed, filled);
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

/** A tensor over the part of an array where a binding's elements lie. */
function boundTensor({ onnx, offset }: Binding, data: SessionData): Tensor {
  return tensor(onnx, data.subarray(offset, offset + sizeOf(onnx.shape)));
}
