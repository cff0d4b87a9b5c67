/**
 * Training with the reference engine: gradient sums in float64, clipping by global norm, AdamW.
 */
import type { Graph } from "../../model/mod.ts";
import { expectGradients, expectMoments } from "../checks.ts";
import type {
  AdamWOptions,
  Feeds,
  Fetches,
  OptimizerState,
  TrainingProgram,
  UpdateOptions,
  UpdateResult,
} from "../engine.ts";
import { clipFactor, gradientNormsOf } from "../gradient_norms.ts";
import { ReferenceProgram } from "./program.ts";

interface Moments {
  readonly m: Float64Array;
  readonly v: Float64Array;
}

export class ReferenceTrainingProgram extends ReferenceProgram implements TrainingProgram {
  readonly #optimizer: AdamWOptions;
  readonly #sums: Record<string, Float64Array> = {};
  readonly #moments: Record<string, Moments> = {};
  #step = 0;

  /** @throws RangeError when the graph has no gradients. */
  constructor(graph: Graph, optimizer: AdamWOptions) {
    super(graph);
    expectGradients(graph);
    this.#optimizer = optimizer;
    for (const name of Object.keys(graph.gradients)) {
      const { length } = this.parameters[name];
      this.#sums[name] = new Float64Array(length);
      this.#moments[name] = { m: new Float64Array(length), v: new Float64Array(length) };
    }
  }

  // deno-lint-ignore require-await
  async accumulate(feeds: Feeds): Promise<Fetches> {
    const outputs = Object.keys(this.graph.outputs);
    const gradients = Object.values(this.graph.gradients);
    const wanted = new Set([...Object.values(this.graph.outputs), ...gradients]);
    const values = this.compute(feeds, [...wanted]);
    for (const [name, value] of Object.entries(this.graph.gradients)) {
      const gradient = values.get(value)!;
      const sum = this.#sums[name];
      for (let i = 0; i < sum.length; i++) sum[i] += gradient[i];
    }
    return this.fetch(outputs, values);
  }

  async update(
    { learningRate, clipNorm, rateFactor = () => 1 }: UpdateOptions,
  ): Promise<UpdateResult> {
    const norms = this.#gradientNorms();
    const { gradientNorm, applied } = norms;
    if (applied) {
      this.#step++;
      const scale = clipFactor(gradientNorm, clipNorm);
      for (const name of Object.keys(this.#sums)) {
        this.#adamW(name, learningRate * rateFactor(name), scale);
      }
    }
    await this.discard();
    return norms;
  }

  // deno-lint-ignore require-await
  async discard(): Promise<void> {
    for (const sum of Object.values(this.#sums)) sum.fill(0);
  }

  // deno-lint-ignore require-await
  async readOptimizer(): Promise<OptimizerState> {
    const moments: Record<string, Float32Array> = {};
    for (const [name, { m, v }] of Object.entries(this.#moments)) {
      moments[`${name}.m`] = Float32Array.from(m);
      moments[`${name}.v`] = Float32Array.from(v);
    }
    return { step: this.#step, moments };
  }

  /** @throws RangeError for a moment that is missing, unknown or of another size; then nothing is written. */
  // deno-lint-ignore require-await
  async writeOptimizer({ step, moments }: OptimizerState): Promise<void> {
    const own = Object.entries(this.#moments).flatMap(([name, { m, v }]) =>
      [[`${name}.m`, m], [`${name}.v`, v]] as const
    );
    expectMoments(moments, Object.fromEntries(own.map(([name, { length }]) => [name, length])));
    for (const [name, moment] of own) moment.set(moments[name]);
    this.#step = step;
  }

  // deno-lint-ignore require-await
  async resetOptimizer(): Promise<void> {
    for (const { m, v } of Object.values(this.#moments)) {
      m.fill(0);
      v.fill(0);
    }
    this.#step = 0;
  }

  /** The global norm is one sum over all elements. */
  #gradientNorms(): UpdateResult {
    let total = 0;
    const squares = Object.entries(this.#sums).map(([name, sum]): [string, number] => {
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
  #adamW(name: string, rate: number, scale: number): void {
    const { beta1, beta2, epsilon, weightDecay } = this.#optimizer;
    const { m, v } = this.#moments[name];
    const theta = this.parameters[name];
    const sum = this.#sums[name];
    const firstBias = 1 - beta1 ** this.#step;
    const secondBias = 1 - beta2 ** this.#step;
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
