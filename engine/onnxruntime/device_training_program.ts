/**
 * Training on a device (provider webgpu): parameters, gradient sums and moments stay there across steps; ids go in, losses
 * and the squared norms of gradients come out.
 */
import type { Graph } from "../../model/mod.ts";
import { expectLength, expectName } from "../checks.ts";
import type {
  AdamWOptions,
  EngineOptions,
  Feeds,
  Fetches,
  OptimizerState,
  TrainingProgram,
  UpdateOptions,
  UpdateResult,
} from "../engine.ts";
import { gradientNormsOf } from "../gradient_norms.ts";
import {
  adamWGraph,
  addendOf,
  additionGraph,
  type Shapes,
  squaresGraph,
  stepScalars,
  sumOf,
  updateNames,
} from "./_device_graphs.ts";
import { DeviceState } from "./_device_state.ts";
import { type Tensor, tensor } from "./_session.ts";
import { DeviceProgram, shapesOf } from "./device_program.ts";

export interface DeviceTrainingOptions extends EngineOptions {
  readonly optimizer: AdamWOptions;
}

export class DeviceTrainingProgram extends DeviceProgram implements TrainingProgram {
  readonly #optimizer: AdamWOptions;
  /** Shapes of what is trained, in the order of parameters. */
  readonly #trained: Shapes;
  readonly #sums: DeviceState;
  readonly #moments: DeviceState;
  /** Whether each gradient is a tensor of its own and no output: then it may become the sum. */
  readonly #hasOwnGradients: boolean;
  #step = 0;
  #hasSums = false;

  /** Use `openTraining`. */
  constructor(graph: Graph, options: DeviceTrainingOptions) {
    super(graph, options);
    if (Object.keys(graph.gradients).length === 0) {
      throw new RangeError(
        "Cannot compile a training graph: expected gradients, found none (differentiate() writes them)",
      );
    }
    this.#optimizer = options.optimizer;
    this.#trained = Object.fromEntries(
      Object.entries(shapesOf(graph.parameters)).filter(([name]) =>
        Object.hasOwn(graph.gradients, name)
      ),
    );
    const moments = Object.entries(this.#trained).flatMap(([name, shape]) => [
      [`${name}.m`, shape],
      [`${name}.v`, shape],
    ]);
    const gradients = Object.values(graph.gradients);
    const outputs = new Set(Object.values(graph.outputs));
    this.#hasOwnGradients = new Set(gradients).size === gradients.length &&
      !gradients.some((value) => outputs.has(value));
    this.#sums = new DeviceState(this.#trained, this.sessions);
    this.#moments = new DeviceState(Object.fromEntries(moments), this.sessions);
  }

  static async openTraining(
    graph: Graph,
    options: DeviceTrainingOptions,
  ): Promise<DeviceTrainingProgram> {
    const program = new DeviceTrainingProgram(graph, options);
    const { values, outputs } = program.#stepValues();
    await program.session("training graph", program.lowered(values), outputs);
    return program;
  }

  accumulate(feeds: Feeds): Promise<Fetches> {
    return this.turns.take(async () => {
      const { values, outputs } = this.#stepValues();
      const found = await this.compute("training graph", feeds, values, outputs);
      const fetches = this.fetches(Object.keys(this.graph.outputs), found);
      const gradients = this.#gradientsByParameter(found);
      if (this.#hasSums || !this.#hasOwnGradients) await this.#addSums(gradients);
      else for (const [name, gradient] of Object.entries(gradients)) this.#sums.put(name, gradient);
      this.#hasSums = true;
      return fetches;
    });
  }

  update(
    { learningRate, clipNorm, rateFactor = () => 1 }: UpdateOptions,
  ): Promise<UpdateResult> {
    return this.turns.take(async () => {
      const norms = await this.#gradientNorms();
      const { gradientNorm } = norms;
      if (norms.applied) {
        this.#step++;
        const scale = gradientNorm > clipNorm ? clipNorm / gradientNorm : 1;
        const groups = new Map<number, string[]>();
        for (const name of Object.keys(this.#trained)) {
          const factor = rateFactor(name);
          groups.set(factor, [...groups.get(factor) ?? [], name]);
        }
        for (const [factor, names] of groups) {
          await this.#adamW(names, learningRate * factor, scale);
        }
      }
      await this.discard();
      return norms;
    });
  }

  // deno-lint-ignore require-await
  async discard(): Promise<void> {
    this.#hasSums = false;
    this.#sums.clear();
  }

  async readOptimizer(): Promise<OptimizerState> {
    const moments = await this.#moments.read(Object.keys(this.#moments.shapes));
    return { step: this.#step, moments };
  }

  async writeOptimizer({ step, moments }: OptimizerState): Promise<void> {
    for (const [name, data] of Object.entries(moments)) {
      expectName(name, Object.keys(this.#moments.shapes), "moment");
      expectLength(name, data.length, this.#moments.length(name));
    }
    for (const name of Object.keys(this.#moments.shapes)) {
      expectName(name, Object.keys(moments), "moment");
    }
    await this.#moments.write(moments);
    this.#step = step;
  }

  // deno-lint-ignore require-await
  async resetOptimizer(): Promise<void> {
    this.#moments.clear();
    this.#step = 0;
  }

  override async dispose(): Promise<void> {
    this.#sums.clear();
    this.#moments.clear();
    await super.dispose();
  }

  #stepValues(): { values: readonly string[]; outputs: readonly string[] } {
    const outputs = Object.values(this.graph.outputs);
    return { values: [...outputs, ...Object.values(this.graph.gradients)], outputs };
  }

  #gradientsByParameter(found: ReadonlyMap<string, Tensor>): Record<string, Tensor> {
    return Object.fromEntries(
      Object.keys(this.#trained).map((name) => [name, found.get(this.graph.gradients[name])!]),
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
      if (gradient.location !== "cpu") gradient.dispose();
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
    return gradientNormsOf(Object.keys(this.#trained).map((name, i) => [name, data[i]]));
  }

  async #adamW(names: readonly string[], rate: number, gradientScale: number): Promise<void> {
    const { beta1, beta2, weightDecay } = this.#optimizer;
    const shapes = Object.fromEntries(names.map((name) => [name, this.#trained[name]]));
    const session = await this.sessions.get(
      `update ${names.join(" ")}`,
      "update",
      () => adamWGraph(shapes, this.#optimizer),
      [],
    );
    const scalars = {
      gradientScale,
      stepSize: rate / (1 - beta1 ** this.#step),
      rootScale: 1 / Math.sqrt(1 - beta2 ** this.#step),
      keep: 1 - rate * weightDecay,
    };
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
