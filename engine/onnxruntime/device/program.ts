/** Forward execution on a device (provider webgpu): parameters stay there, outputs come to the host. */
import type { Graph } from "../../../model/mod.ts";
import { expectLength, expectName, expectThreads } from "../../checks.ts";
import type { EngineOptions, Feeds, Fetches, Program } from "../../engine.ts";
import { FeedCheck } from "../../feeds.ts";
import { halfDevice } from "./half.ts";
import { device } from "./rewrites.ts";
import { DeviceSessions, type OpenSession } from "./sessions.ts";
import { DeviceState } from "./state.ts";
import { expandHeads } from "../head.ts";
import { lower, type Lowered } from "../lowering.ts";
import type { IdTable, Target } from "../rewrite.ts";
import { fedTensor, type Tensor, tensor } from "../session.ts";
import { Turns } from "../turns.ts";

export class DeviceProgram implements Program {
  readonly graph: Graph;
  protected readonly expanded: Graph;
  protected readonly sessions: DeviceSessions;
  protected readonly parameters: DeviceState;
  readonly #feeds: FeedCheck;
  readonly #target: Target;
  readonly #lowered = new Map<string, Lowered>();
  /** Calls that write into buffers of the program take turns. */
  protected readonly turns = new Turns();

  /** Use `open`. `computed` is what runs: the graph, or one that has its outputs and more inputs. */
  constructor(
    graph: Graph,
    { threads, precision }: EngineOptions,
    openSession?: OpenSession,
    computed: Graph = graph,
  ) {
    expectThreads(threads);
    this.graph = graph;
    this.expanded = expandHeads(computed);
    this.sessions = new DeviceSessions(threads, openSession);
    this.parameters = new DeviceState(shapesOf(graph.parameters), this.sessions);
    this.#feeds = new FeedCheck(computed);
    this.#target = precision === "fp16" ? halfDevice : device;
  }

  /** Opens the session of all outputs at once, so that a graph the runtime refuses is refused here. */
  static async open(
    graph: Graph,
    options: EngineOptions,
    openSession?: OpenSession,
  ): Promise<DeviceProgram> {
    const program = new DeviceProgram(graph, options, openSession);
    const outputs = Object.values(graph.outputs);
    await program.session("graph", program.lowered(outputs), outputs);
    return program;
  }

  async run(
    feeds: Feeds,
    outputs: readonly string[] = Object.keys(this.graph.outputs),
  ): Promise<Fetches> {
    for (const output of outputs) expectName(output, Object.keys(this.graph.outputs), "output");
    return await this.turns.take(async () => {
      const values = outputs.map((output) => this.graph.outputs[output]);
      return this.fetches(outputs, await this.compute("graph", feeds, values, values));
    });
  }

  async write(values: Readonly<Record<string, Float32Array>>): Promise<void> {
    for (const [name, value] of Object.entries(values)) {
      expectName(name, Object.keys(this.parameters.shapes), "parameter");
      expectLength(name, value.length, this.parameters.length(name));
    }
    await this.parameters.write(values);
  }

  async read(
    names: readonly string[] = Object.keys(this.graph.parameters),
  ): Promise<Record<string, Float32Array>> {
    for (const name of names) expectName(name, Object.keys(this.parameters.shapes), "parameter");
    return await this.parameters.read(names);
  }

  async dispose(): Promise<void> {
    this.turns.end();
    this.parameters.clear();
    await this.sessions.release();
  }

  /** Values of the graph as tensors: those named in `toHost` on the host, others on the device. */
  protected async compute(
    purpose: string,
    feeds: Feeds,
    values: readonly string[],
    toHost: readonly string[],
  ): Promise<Map<string, Tensor>> {
    const lowered = this.lowered(values);
    this.#feeds.check(lowered.inputs.map(({ name }) => name), feeds);
    const session = await this.session(purpose, lowered, toHost);
    const parameters = await this.parameters.tensors(lowered.parameters.map(({ of }) => of));
    const fed: Record<string, Tensor> = { ...parameters };
    for (const value of lowered.inputs) {
      fed[value.name] = fedTensor(value, feeds[value.name]);
    }
    for (const table of lowered.idTables) Object.assign(fed, idTensors(table, feeds));
    const found = await session.compute(fed);
    return new Map(lowered.outputs.map(({ onnx, of }) => [of, found[onnx.name]]));
  }

  protected fetches(outputs: readonly string[], values: ReadonlyMap<string, Tensor>): Fetches {
    return Object.fromEntries(outputs.map((output) => {
      const data = values.get(this.graph.outputs[output])!.data;
      return [output, Float32Array.from(data as Float32Array | Int32Array | Uint8Array)];
    }));
  }

  protected lowered(values: readonly string[]): Lowered {
    const key = [...new Set(values)].sort().join("\n");
    let lowered = this.#lowered.get(key);
    if (lowered === undefined) {
      this.#lowered.set(key, lowered = lower(this.expanded, values, this.#target));
    }
    return lowered;
  }

  protected session(purpose: string, lowered: Lowered, toHost: readonly string[]) {
    const host = new Set(toHost);
    const names = lowered.outputs.filter(({ of }) => host.has(of)).map(({ onnx }) => onnx.name);
    const key = `${lowered.outputs.map(({ of }) => of).sort().join("\n")}\n\n${names.join("\n")}`;
    return this.sessions.get(key, purpose, () => lowered.onnx, names);
  }
}

export function shapesOf(types: Graph["parameters"]): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(types).map(([name, { shape }]) => [name, shape]));
}

/** The distinct ids of a feed, and the place of each id among them. */
function idTensors(
  { slots, rows, size, of, limit }: IdTable,
  feeds: Feeds,
): Record<string, Tensor> {
  const ids = feeds[of] as Int32Array;
  const places = new Map<number, number>();
  const slotOf = Int32Array.from(ids, (id) => {
    let place = places.get(id);
    if (place === undefined) places.set(id, place = places.size);
    return place;
  });
  // Slots without an id add zero to rows that have none: each row is written by one slot.
  const distinct = [...places.keys()];
  for (let id = 0; id < limit && distinct.length < size; id++) {
    if (!places.has(id)) distinct.push(id);
  }
  const value = (name: string, elementType: "int32" | "int64", shape: readonly number[]) => ({
    name,
    elementType,
    shape,
  });
  return {
    [slots]: tensor(value(slots, "int32", [ids.length]), slotOf),
    [rows]: tensor(value(rows, "int64", [size, 1]), BigInt64Array.from(distinct, BigInt)),
  };
}
