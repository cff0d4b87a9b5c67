/** A graph made ready to compute chosen values: lowered, opened as a session, bound to a program's parameters. */
import { type Graph, type IdLimit, idLimits, sizeOf } from "../../model/mod.ts";
import type { Feeds } from "../engine.ts";
import { checkFeeds } from "./_feeds.ts";
import { lower, type Lowered } from "./_lowering.ts";
import type { OnnxValue } from "./_onnx_proto.ts";
import { Session, type SessionData, type SessionOptions, type Tensor, tensor } from "./_session.ts";

/** Where a run writes each value. */
export type Targets = ReadonlyMap<string, SessionData>;

export class Executable {
  readonly #graph: Graph;
  readonly #session: Session;
  readonly #inputs: readonly OnnxValue[];
  readonly #outputs: ReadonlyMap<string, OnnxValue>;
  readonly #parameters: Readonly<Record<string, Tensor>>;
  readonly #idLimits: Readonly<Record<string, IdLimit>>;

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
    this.#idLimits = idLimits(graph);
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
      lowered.parameters.map((value) => [value.name, tensor(value, parameters[value.name])]),
    );
    return new Executable(graph, session, lowered, tensors);
  }

  /** An array that fits a value. */
  allocate(value: string): SessionData {
    const { dtype, shape } = this.#graph.types[value];
    const size = sizeOf(shape);
    if (dtype === "float32") return new Float32Array(size);
    return dtype === "int32" ? new Int32Array(size) : new Uint8Array(size);
  }

  /** Checks the feeds, runs once, fills the targets. Targets have to hold every value that the executable was opened for. */
  async run(feeds: Feeds, targets: Targets): Promise<void> {
    const names = this.#inputs.map(({ name }) => name);
    checkFeeds(this.#graph, names, this.#idLimits, feeds);
    const fed = { ...this.#parameters };
    for (const value of this.#inputs) {
      const data = feeds[value.name];
      fed[value.name] = tensor(value, value.elementType === "bool" ? Uint8Array.from(data) : data);
    }
    const filled: Record<string, Tensor> = {};
    for (const [value, output] of this.#outputs) {
      filled[output.name] = tensor(output, targets.get(value)!);
    }
    await this.#session.run(fed, filled);
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}
