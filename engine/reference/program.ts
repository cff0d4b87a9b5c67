/**
 * A program of the reference engine. Parameters and moments are held as numbers that single precision can write, so that reading
 * and writing back gives the same state; everything computed from them is in float64.
 */
import { type Graph, sizeOf } from "../../model/mod.ts";
import type { AdamWOptions, Feeds, Fetches, UpdateResult } from "../engine.ts";
import { ArrayStore, EngineProgram } from "../engine_program.ts";
import { gradientNormsOf } from "../gradient_norms.ts";
import { interpret, type Schedule, scheduleFor, type Values } from "./interpret.ts";

export class ReferenceProgram extends EngineProgram<ArrayStore<Float64Array>> {
  /** Sums of gradients by parameter. */
  readonly #sums: ReadonlyMap<string, Float64Array>;
  readonly #schedules = new Map<string, Schedule>();

  constructor(graph: Graph, optimizer?: AdamWOptions) {
    super(graph, (shapes) => new ArrayStore(shapes, Float64Array), optimizer);
    this.#sums = new Map(
      Object.entries(this.trained).map(([name, shape]) => [name, new Float64Array(sizeOf(shape))]),
    );
  }

  // deno-lint-ignore require-await
  protected async compute(feeds: Feeds, outputs: readonly string[]): Promise<Fetches> {
    return this.#fetch(outputs, this.#interpret(feeds, this.#valuesOf(outputs)));
  }

  // deno-lint-ignore require-await
  protected async addGradients(feeds: Feeds): Promise<Fetches> {
    const outputs = Object.keys(this.graph.outputs);
    const { gradients } = this.graph;
    const wanted = new Set([...this.#valuesOf(outputs), ...Object.values(gradients)]);
    const values = this.#interpret(feeds, [...wanted]);
    for (const [name, sum] of this.#sums) {
      const gradient = values.get(gradients[name])!;
      for (let i = 0; i < sum.length; i++) sum[i] += gradient[i];
    }
    return this.#fetch(outputs, values);
  }

  /** The global norm is one sum over all elements. */
  protected gradientNorms(): UpdateResult {
    let total = 0;
    const squares = [...this.#sums].map(([name, sum]): [string, number] => {
      let own = 0;
      for (let i = 0; i < sum.length; i++) {
        const square = sum[i] * sum[i];
        own += square;
        total += square;
      }
      return [name, own];
    });
    return gradientNormsOf(squares, total);
  }

  /** θ ← θ − rate·(m̂ / (√v̂ + ε) + decay·θ). The results are rounded to single precision, as a checkpoint holds them. */
  protected adamW(
    rates: ReadonlyMap<string, number>,
    scale: number,
    { beta1, beta2, epsilon, weightDecay }: AdamWOptions,
  ): void {
    const firstBias = 1 - beta1 ** this.step;
    const secondBias = 1 - beta2 ** this.step;
    for (const [name, sum] of this.#sums) {
      const rate = rates.get(name)!;
      const theta = this.parameters.arrays[name];
      const { [`${name}.m`]: m, [`${name}.v`]: v } = this.moments.arrays;
      for (let i = 0; i < theta.length; i++) {
        const gradient = scale * sum[i];
        const first = beta1 * m[i] + (1 - beta1) * gradient;
        const second = beta2 * v[i] + (1 - beta2) * gradient * gradient;
        const direction = (first / firstBias) / (Math.sqrt(second / secondBias) + epsilon);
        theta[i] = Math.fround(theta[i] - rate * (direction + weightDecay * theta[i]));
        m[i] = Math.fround(first);
        v[i] = Math.fround(second);
      }
    }
  }

  // deno-lint-ignore require-await
  async discard(): Promise<void> {
    for (const sum of this.#sums.values()) sum.fill(0);
  }

  protected async release(): Promise<void> {}

  #valuesOf(outputs: readonly string[]): string[] {
    return outputs.map((name) => this.graph.outputs[name]);
  }

  /** Values of the graph by value name. */
  #interpret(feeds: Feeds, wanted: readonly string[]): Map<string, Values[string]> {
    const schedule = this.#schedule(wanted);
    const inputs = schedule.leaves.filter((name) => Object.hasOwn(this.graph.inputs, name));
    this.checkFeeds(inputs, feeds);
    const values: Record<string, Values[string]> = { ...this.parameters.arrays };
    for (const name of inputs) {
      const data = feeds[name];
      values[name] = data instanceof Int32Array ? data : Float64Array.from(data);
    }
    return interpret(this.graph, schedule, values);
  }

  #schedule(wanted: readonly string[]): Schedule {
    const key = wanted.join("\n");
    let schedule = this.#schedules.get(key);
    if (schedule === undefined) {
      this.#schedules.set(key, schedule = scheduleFor(this.graph, wanted));
    }
    return schedule;
  }

  #fetch(outputs: readonly string[], values: ReadonlyMap<string, Values[string]>): Fetches {
    return Object.fromEntries(
      outputs.map((name) => [name, Float32Array.from(values.get(this.graph.outputs[name])!)]),
    );
  }
}
