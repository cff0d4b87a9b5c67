/**
 * Training on a device (provider webgpu): parameters, gradient sums and moments stay there across steps; ids go in, losses
 * and the squared norms of gradients come out. In half precision gradient sums are those of the scaled loss until they are used.
 */
import type { Graph } from "../../../model/mod.ts";
import { expectGradients, expectMoments } from "../../checks.ts";
import type {
  AdamWOptions,
  Feeds,
  Fetches,
  OptimizerState,
  TrainingOptions,
  TrainingProgram,
  UpdateOptions,
  UpdateResult,
} from "../../engine.ts";
import { clipFactor, gradientNormsOf } from "../../gradient_norms.ts";
import { adamWStep } from "../adamw.ts";
import {
  adamWGraph,
  addendOf,
  additionGraph,
  type Shapes,
  squaresGraph,
  stepScalars,
  sumOf,
  updateNames,
} from "./graphs.ts";
import type { OpenSession } from "./sessions.ts";
import { DeviceState } from "./state.ts";
import { LossScale, lossScaleName, withLossScale } from "./loss_scale.ts";
import { type Tensor, tensor } from "../session.ts";
import { DeviceProgram, shapesOf } from "./program.ts";

export class DeviceTrainingProgram extends DeviceProgram implements TrainingProgram {
  readonly #optimizer: AdamWOptions;
  /** Shapes of the trained parameters, in the order of parameters. */
  readonly #trained: Shapes;
  readonly #sums: DeviceState;
  readonly #moments: DeviceState;
  /** Whether each gradient is a tensor of its own and no output: then it may become the sum. */
  readonly #hasOwnGradients: boolean;
  /** In half precision only. */
  readonly #lossScale: LossScale | undefined;
  /** The feeds that the sums were made of, to make them again with another scale; in half precision only. */
  readonly #summed: Feeds[] = [];
  #step = 0;
  #hasSums = false;

  /** Use `openTraining`. */
  constructor(graph: Graph, options: TrainingOptions, openSession?: OpenSession) {
    const isHalf = options.precision === "fp16" && Object.keys(graph.gradients).length > 0;
    super(graph, options, openSession, isHalf ? withLossScale(graph) : graph);
    expectGradients(graph);
    this.#optimizer = options.optimizer;
    this.#lossScale = isHalf ? new LossScale() : undefined;
    this.#trained = Object.fromEntries(
      Object.entries(shapesOf(graph.parameters)).filter(([name]) =>
        Object.hasOwn(graph.gradients, name)
      ),
    );
    const moments = Object.entries(this.#trained).flatMap(([name, shape]) => [
      [`${name}.m`, shape],
      [`${name}.v`, shape],
    ]);
    const gradients = Object.values(this.expanded.gradients);
    const outputs = new Set(Object.values(graph.outputs));
    this.#hasOwnGradients = new Set(gradients).size === gradients.length &&
      !gradients.some((value) => outputs.has(value));
    this.#sums = new DeviceState(this.#trained, this.sessions);
    this.#moments = new DeviceState(Object.fromEntries(moments), this.sessions);
  }

  static async openTraining(
    graph: Graph,
    options: TrainingOptions,
    openSession?: OpenSession,
  ): Promise<DeviceTrainingProgram> {
    const program = new DeviceTrainingProgram(graph, options, openSession);
    const { values, outputs } = program.#stepValues();
    await program.session("training graph", program.lowered(values), outputs);
    return program;
  }

  accumulate(feeds: Feeds): Promise<Fetches> {
    return this.turns.take(async () => {
      const fetches = await this.#addToSums(feeds);
      if (this.#lossScale !== undefined) this.#summed.push(copyOf(feeds));
      return fetches;
    });
  }

  update(
    { learningRate, clipNorm, rateFactor = () => 1 }: UpdateOptions,
  ): Promise<UpdateResult> {
    return this.turns.take(async () => {
      const norms = await this.#finiteNorms();
      const { gradientNorm } = norms;
      if (norms.applied) {
        this.#step++;
        const clipped = clipFactor(gradientNorm, clipNorm);
        const scale = clipped / (this.#lossScale?.value ?? 1);
        const groups = new Map<number, string[]>();
        for (const name of Object.keys(this.#trained)) {
          const factor = rateFactor(name);
          groups.set(factor, [...groups.get(factor) ?? [], name]);
        }
        for (const [factor, names] of groups) {
          await this.#adamW(names, learningRate * factor, scale);
        }
        this.#lossScale?.tookStep();
      }
      await this.discard();
      return norms;
    });
  }

  // deno-lint-ignore require-await
  async discard(): Promise<void> {
    this.#clearSums();
    this.#summed.length = 0;
  }

  async readOptimizer(): Promise<OptimizerState> {
    const moments = await this.#moments.read(Object.keys(this.#moments.shapes));
    const scale = this.#lossScale;
    return {
      step: this.#step,
      moments: scale === undefined ? moments : { ...moments, [lossScaleName]: scale.state },
    };
  }

  async writeOptimizer({ step, moments: given }: OptimizerState): Promise<void> {
    const moments = { ...given };
    const { [lossScaleName]: state } = moments;
    if (this.#lossScale !== undefined) delete moments[lossScaleName];
    const lengths = Object.keys(this.#moments.shapes).map((name) =>
      [name, this.#moments.length(name)] as const
    );
    expectMoments(moments, Object.fromEntries(lengths));
    if (state === undefined) this.#lossScale?.reset();
    else this.#lossScale!.state = state;
    await this.#moments.write(moments);
    this.#step = step;
  }

  // deno-lint-ignore require-await
  async resetOptimizer(): Promise<void> {
    this.#moments.clear();
    this.#lossScale?.reset();
    this.#step = 0;
  }

  override async dispose(): Promise<void> {
    this.#sums.clear();
    this.#moments.clear();
    await super.dispose();
  }

  #stepValues(): { values: readonly string[]; outputs: readonly string[] } {
    const outputs = Object.values(this.graph.outputs);
    return { values: [...outputs, ...Object.values(this.expanded.gradients)], outputs };
  }

  /** A micro-batch forward and back. */
  async #addToSums(feeds: Feeds): Promise<Fetches> {
    const { values, outputs } = this.#stepValues();
    const scale = this.#lossScale;
    const fed = scale === undefined
      ? feeds
      : { ...feeds, [lossScaleName]: Float32Array.of(scale.value) };
    const found = await this.compute("training graph", fed, values, outputs);
    const fetches = this.fetches(Object.keys(this.graph.outputs), found);
    const gradients = this.#gradientsByParameter(found);
    if (this.#hasSums || !this.#hasOwnGradients) await this.#addSums(gradients);
    else for (const [name, gradient] of Object.entries(gradients)) this.#sums.put(name, gradient);
    this.#hasSums = true;
    return fetches;
  }

  #clearSums(): void {
    this.#hasSums = false;
    this.#sums.clear();
  }

  #gradientsByParameter(found: ReadonlyMap<string, Tensor>): Record<string, Tensor> {
    return Object.fromEntries(
      Object.keys(this.#trained).map((name) => [name, found.get(this.expanded.gradients[name])!]),
    );
  }

  async #addSums(gradients: Readonly<Record<string, Tensor>>): Promise<void> {
    const names = Object.keys(this.#trained);
    const session = await this.sessions.get(
      "addition",
      "sum of gradients",
      () => additionGraph(this.#trained),
      [],
    );
    const fed: Record<string, Tensor> = await this.#sums.tensors(names);
    for (const name of names) fed[addendOf(name)] = gradients[name];
    const sums = await session.compute(fed);
    for (const gradient of new Set(Object.values(gradients))) {
      if (gradient.location === "gpu-buffer") gradient.dispose();
    }
    for (const name of names) this.#sums.put(name, sums[sumOf(name)]);
  }

  async #gradientNorms(): Promise<UpdateResult> {
    const session = await this.sessions.get(
      "squares",
      "norm of gradients",
      () => squaresGraph(this.#trained),
      ["squares"],
    );
    const { squares } = await session.compute(await this.#sums.tensors(Object.keys(this.#trained)));
    const data = squares.data as Float32Array;
    const scale = (this.#lossScale?.value ?? 1) ** 2;
    return gradientNormsOf(Object.keys(this.#trained).map((name, i) => [name, data[i] / scale]));
  }

  /** The norms, with the sums made again at smaller scales until they are finite. */
  async #finiteNorms(): Promise<UpdateResult> {
    const scale = this.#lossScale;
    let norms = await this.#gradientNorms();
    if (norms.applied || scale === undefined || this.#summed.length === 0) return norms;
    const { state } = scale;
    while (!norms.applied && scale.lower()) {
      this.#clearSums();
      for (const feeds of this.#summed) await this.#addToSums(feeds);
      norms = await this.#gradientNorms();
    }
    // No scale helps: the scaled loss did not overflow, the loss itself is not finite.
    if (!norms.applied) scale.state = state;
    return norms;
  }

  async #adamW(names: readonly string[], rate: number, gradientScale: number): Promise<void> {
    const shapes = Object.fromEntries(names.map((name) => [name, this.#trained[name]]));
    const session = await this.sessions.get(
      `update ${names.join(" ")}`,
      "update",
      () => adamWGraph(shapes, this.#optimizer),
      [],
    );
    const scalars = adamWStep(this.#optimizer, rate, gradientScale, this.#step);
    const fed: Record<string, Tensor> = {};
    for (const name of stepScalars) {
      const value = { name, elementType: "float32", shape: [] } as const;
      fed[name] = tensor(value, Float32Array.of(scalars[name]));
    }
    const moments = names.flatMap((name) => [`${name}.m`, `${name}.v`]);
    Object.assign(fed, await this.parameters.tensors(names), await this.#moments.tensors(moments));
    const sums = await this.#sums.tensors(names);
    for (const name of names) fed[updateNames(name).gradient] = sums[name];
    const next = await session.compute(fed);
    for (const name of names) {
      const { m, v, nextValue, nextM, nextV } = updateNames(name);
      this.parameters.put(name, next[nextValue]);
      this.#moments.put(m, next[nextM]);
      this.#moments.put(v, next[nextV]);
    }
  }
}

/** Copies of feeds, which stay the same when the caller fills the buffers again. */
function copyOf(feeds: Feeds): Feeds {
  return Object.fromEntries(Object.entries(feeds).map(([name, data]) => [name, data.slice()]));
}
