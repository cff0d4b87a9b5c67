/**
 * A program on a device (provider webgpu): parameters, sums of gradients and moments stay there across steps; ids go in, outputs,
 * losses and the squared norms of gradients come out. In half precision sums are those of the scaled loss until they are used.
 */
import type { Graph } from "../../../model/mod.ts";
import { adamWStep } from "../../adamw_step.ts";
import type { AdamWOptions, Feeds, Fetches, OptimizerState, UpdateResult } from "../../engine.ts";
import { EngineProgram } from "../../engine_program.ts";
import { gradientNormsOf } from "../../gradient_norms.ts";
import { expandLayerNorms } from "../../layer_norm_gradient.ts";
import type { OpenOptions } from "../../open_engine.ts";
import { expandAttention } from "../../attention_blocks.ts";
import { expandHeads } from "../head.ts";
import { lower, type Lowered } from "../lowering.ts";
import type { IdTable, Target } from "../rewrite.ts";
import { type Tensor, tensor } from "../session.ts";
import {
  adamWGraph,
  addendOf,
  additionGraph,
  squaresGraph,
  stepScalars,
  sumOf,
  updateNames,
} from "./graphs.ts";
import { halfDevice } from "./half.ts";
import { LossScale, lossScaleName, withLossScale } from "./loss_scale.ts";
import { device } from "./rewrites.ts";
import { DeviceSessions, type OpenSession } from "./sessions.ts";
import { DeviceState } from "./state.ts";

export class DeviceProgram extends EngineProgram<DeviceState> {
  /** The graph as sessions run it: its heads expanded, its loss scaled. */
  readonly #expanded: Graph;
  readonly #sessions: DeviceSessions;
  readonly #target: Target;
  readonly #lowered = new Map<string, Lowered>();
  readonly #sums: DeviceState;
  /** Whether each gradient is a tensor of its own and no output: then it may become the sum. */
  readonly #hasOwnGradients: boolean;
  /** In half precision only. */
  #lossScale: LossScale | undefined;
  /** The feeds that the sums were made of, to make them again with another scale; in half precision only. */
  readonly #summed: Feeds[] = [];
  #hasSums = false;

  private constructor(
    graph: Graph,
    { threads, precision, optimizer }: OpenOptions,
    openSession?: OpenSession,
  ) {
    const isHalf = precision === "fp16";
    const isScaled = isHalf && Object.keys(graph.gradients).length > 0;
    const computed = isScaled ? withLossScale(graph) : graph;
    const sessions = new DeviceSessions(threads, openSession);
    super(graph, (shapes) => new DeviceState(shapes, sessions), optimizer, computed);
    this.#expanded = expandHeads(expandAttention(expandLayerNorms(computed), isHalf));
    this.#sessions = sessions;
    this.#target = isHalf ? halfDevice : device;
    this.#lossScale = isScaled ? new LossScale() : undefined;
    this.#sums = new DeviceState(this.trained, sessions);
    const gradients = Object.values(this.#expanded.gradients);
    const outputs = new Set(Object.values(graph.outputs));
    this.#hasOwnGradients = new Set(gradients).size === gradients.length &&
      !gradients.some((value) => outputs.has(value));
  }

  /** Opens the session that is needed first, so that a graph the runtime refuses is refused here. */
  static async open(
    graph: Graph,
    options: OpenOptions,
    openSession?: OpenSession,
  ): Promise<DeviceProgram> {
    const program = new DeviceProgram(graph, options, openSession);
    const values = [...Object.values(graph.outputs), ...Object.values(program.#expanded.gradients)];
    await program.#session(program.#lower(values), Object.values(graph.outputs));
    return program;
  }

  protected async compute(feeds: Feeds, outputs: readonly string[]): Promise<Fetches> {
    const values = outputs.map((output) => this.graph.outputs[output]);
    return this.#fetches(outputs, await this.#evaluate(feeds, values, values));
  }

  protected async addGradients(feeds: Feeds): Promise<Fetches> {
    const fetches = await this.#addToSums(feeds);
    if (this.#lossScale !== undefined) this.#summed.push(copyOf(feeds));
    return fetches;
  }

  /** With the sums made again at smaller scales until they are finite. */
  protected async gradientNorms(): Promise<UpdateResult> {
    const scale = this.#lossScale;
    let norms = await this.#normsOfSums();
    if (norms.applied || scale === undefined || this.#summed.length === 0) return norms;
    const { state } = scale;
    while (!norms.applied && scale.lower()) {
      this.#clearSums();
      for (const feeds of this.#summed) await this.#addToSums(feeds);
      norms = await this.#normsOfSums();
    }
    // No scale helps: the scaled loss did not overflow, the loss itself is not finite.
    if (!norms.applied) scale.state = state;
    return norms;
  }

  protected async adamW(
    rates: ReadonlyMap<string, number>,
    scale: number,
    optimizer: AdamWOptions,
  ): Promise<void> {
    const gradientScale = scale / (this.#lossScale?.value ?? 1);
    for (const [rate, group] of Map.groupBy(rates, ([, rate]) => rate)) {
      await this.#updateGroup(group.map(([name]) => name), rate, gradientScale, optimizer);
    }
    this.#lossScale?.tookStep();
  }

  // deno-lint-ignore require-await
  async discard(): Promise<void> {
    this.#clearSums();
    this.#summed.length = 0;
  }

  override async readOptimizer(): Promise<OptimizerState> {
    const { step, moments } = await super.readOptimizer();
    const scale = this.#lossScale;
    if (scale === undefined) return { step, moments };
    return { step, moments: { ...moments, [lossScaleName]: scale.state } };
  }

  override async writeOptimizer({ step, moments }: OptimizerState): Promise<void> {
    if (this.#lossScale === undefined) return await super.writeOptimizer({ step, moments });
    const { [lossScaleName]: state, ...others } = moments;
    const scale = new LossScale();
    if (state !== undefined) scale.state = state;
    await super.writeOptimizer({ step, moments: others });
    this.#lossScale = scale;
  }

  override async resetOptimizer(): Promise<void> {
    await super.resetOptimizer();
    this.#lossScale?.reset();
  }

  protected async release(): Promise<void> {
    for (const state of [this.parameters, this.moments, this.#sums]) state.clear();
    await this.#sessions.release();
  }

  /** Values of the graph as tensors: those named in `toHost` on the host, others on the device. */
  async #evaluate(
    feeds: Feeds,
    values: readonly string[],
    toHost: readonly string[],
  ): Promise<Map<string, Tensor>> {
    const lowered = this.#lower(values);
    this.checkFeeds(lowered.inputs.map(({ name }) => name), feeds);
    const session = await this.#session(lowered, toHost);
    const fed: Record<string, Tensor> = await this.parameters.tensors(
      lowered.parameters.map(({ of }) => of),
    );
    for (const value of lowered.inputs) fed[value.name] = tensor(value, feeds[value.name]);
    for (const table of lowered.idTables) Object.assign(fed, idTensors(table, feeds));
    const found = await session.compute(fed);
    return new Map(lowered.outputs.map(({ onnx, of }) => [of, found[onnx.name]]));
  }

  #fetches(outputs: readonly string[], values: ReadonlyMap<string, Tensor>): Fetches {
    return Object.fromEntries(outputs.map((output) => {
      const data = values.get(this.graph.outputs[output])!.data;
      return [output, Float32Array.from(data as Float32Array | Int32Array)];
    }));
  }

  #lower(values: readonly string[]): Lowered {
    const key = [...new Set(values)].sort().join("\n");
    let lowered = this.#lowered.get(key);
    if (lowered === undefined) {
      this.#lowered.set(key, lowered = lower(this.#expanded, values, this.#target));
    }
    return lowered;
  }

  #session(lowered: Lowered, toHost: readonly string[]) {
    const host = new Set(toHost);
    const isForward = lowered.outputs.every(({ of }) => host.has(of));
    const names = lowered.outputs.filter(({ of }) => host.has(of)).map(({ onnx }) => onnx.name);
    const key = `${lowered.outputs.map(({ of }) => of).sort().join("\n")}\n\n${names.join("\n")}`;
    const purpose = isForward ? "graph" : "training graph";
    return this.#sessions.get(key, purpose, () => lowered.onnx, names);
  }

  /** A micro-batch forward and back. */
  async #addToSums(feeds: Feeds): Promise<Fetches> {
    const scale = this.#lossScale;
    const scaled = scale && { [lossScaleName]: Float32Array.of(scale.value) };
    const outputs = Object.values(this.graph.outputs);
    const values = [...outputs, ...Object.values(this.#expanded.gradients)];
    const found = await this.#evaluate({ ...feeds, ...scaled }, values, outputs);
    const fetches = this.#fetches(Object.keys(this.graph.outputs), found);
    const gradients = Object.fromEntries(
      Object.keys(this.trained).map((name) => [name, found.get(this.#expanded.gradients[name])!]),
    );
    if (this.#hasSums || !this.#hasOwnGradients) await this.#addSums(gradients);
    else for (const [name, gradient] of Object.entries(gradients)) this.#sums.put(name, gradient);
    this.#hasSums = true;
    return fetches;
  }

  #clearSums(): void {
    this.#hasSums = false;
    this.#sums.clear();
  }

  async #addSums(gradients: Readonly<Record<string, Tensor>>): Promise<void> {
    const names = Object.keys(this.trained);
    const graph = () => additionGraph(this.trained);
    const session = await this.#sessions.get("addition", "sum of gradients", graph, []);
    const fed: Record<string, Tensor> = await this.#sums.tensors(names);
    for (const name of names) fed[addendOf(name)] = gradients[name];
    const sums = await session.compute(fed);
    for (const gradient of new Set(Object.values(gradients))) {
      if (gradient.location === "gpu-buffer") gradient.dispose();
    }
    for (const name of names) this.#sums.put(name, sums[sumOf(name)]);
  }

  async #normsOfSums(): Promise<UpdateResult> {
    const names = Object.keys(this.trained);
    const graph = () => squaresGraph(this.trained);
    const session = await this.#sessions.get("squares", "norm of gradients", graph, ["squares"]);
    const { squares } = await session.compute(await this.#sums.tensors(names));
    const data = squares.data as Float32Array;
    const scale = (this.#lossScale?.value ?? 1) ** 2;
    return gradientNormsOf(names.map((name, i) => [name, data[i] / scale]));
  }

  /** AdamW for parameters that have one rate. */
  async #updateGroup(
    names: readonly string[],
    rate: number,
    gradientScale: number,
    optimizer: AdamWOptions,
  ): Promise<void> {
    const shapes = Object.fromEntries(names.map((name) => [name, this.trained[name]]));
    const graph = () => adamWGraph(shapes, optimizer);
    const session = await this.#sessions.get(`update ${names.join(" ")}`, "update", graph, []);
    const scalars = adamWStep(optimizer, rate, gradientScale, this.step);
    const moments = names.flatMap((name) => [`${name}.m`, `${name}.v`]);
    const fed: Record<string, Tensor> = {
      ...await this.parameters.tensors(names),
      ...await this.moments.tensors(moments),
    };
    for (const name of stepScalars) {
      const value = { name, elementType: "float32", shape: [] } as const;
      fed[name] = tensor(value, Float32Array.of(scalars[name]));
    }
    const sums = await this.#sums.tensors(names);
    for (const name of names) fed[updateNames(name).gradient] = sums[name];
    const next = await session.compute(fed);
    for (const name of names) {
      const { m, v, nextValue, nextM, nextV } = updateNames(name);
      this.parameters.put(name, next[nextValue]);
      this.moments.put(m, next[nextM]);
      this.moments.put(v, next[nextV]);
    }
  }
}

/** Copies of feeds, which stay the same when the caller fills the buffers again. */
function copyOf(feeds: Feeds): Feeds {
  return Object.fromEntries(Object.entries(feeds).map(([name, data]) => [name, data.slice()]));
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
  const slotValue = { name: slots, elementType: "int32", shape: [ids.length] } as const;
  const rowValue = { name: rows, elementType: "int64", shape: [size, 1] } as const;
  return {
    [slots]: tensor(slotValue, slotOf),
    [rows]: tensor(rowValue, BigInt64Array.from(distinct, BigInt)),
  };
}
