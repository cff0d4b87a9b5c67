/**
 * Training with TensorFlow.js: gradient sums, moments and parameters stay with the backend; norms and losses come out.
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
import type { Tensor, Tf } from "./kernels.ts";
import { replace, TfjsProgram, valuesOf } from "./program.ts";

export class TfjsTrainingProgram extends TfjsProgram implements TrainingProgram {
  readonly #optimizer: AdamWOptions;
  readonly #sums = new Map<string, Tensor>();
  /** By `<parameter>.m` and `<parameter>.v`. */
  readonly #moments = new Map<string, Tensor>();
  #step = 0;

  /** @throws RangeError when the graph has no gradients. */
  constructor(tf: Tf, graph: Graph, optimizer: AdamWOptions) {
    super(tf, graph);
    expectGradients(graph);
    this.#optimizer = optimizer;
    this.#clearMoments();
  }

  // deno-lint-ignore require-await
  async accumulate(feeds: Feeds): Promise<Fetches> {
    const outputs = Object.keys(this.graph.outputs);
    const values = this.compute(feeds, [
      ...Object.values(this.graph.outputs),
      ...Object.values(this.graph.gradients),
    ]);
    for (const [name, value] of Object.entries(this.graph.gradients)) {
      const sum = this.#sums.get(name);
      const gradient = values.get(value)!;
      const next = sum === undefined ? this.tf.clone(gradient) : this.tf.add(sum, gradient);
      replace(this.#sums, name, next);
    }
    return this.fetch(outputs, values);
  }

  async update(
    { learningRate, clipNorm, rateFactor = () => 1 }: UpdateOptions,
  ): Promise<UpdateResult> {
    const norms = gradientNormsOf(
      Object.keys(this.graph.gradients).map((name) => [name, this.#squares(name)]),
    );
    const { gradientNorm, applied } = norms;
    if (applied) {
      this.#step++;
      const scale = clipFactor(gradientNorm, clipNorm);
      for (const name of Object.keys(this.graph.gradients)) {
        this.#adamW(name, learningRate * rateFactor(name), scale);
      }
    }
    await this.discard();
    return norms;
  }

  // deno-lint-ignore require-await
  async discard(): Promise<void> {
    for (const sum of this.#sums.values()) sum.dispose();
    this.#sums.clear();
  }

  // deno-lint-ignore require-await
  async readOptimizer(): Promise<OptimizerState> {
    const moments = [...this.#moments].map(([name, moment]) => [name, valuesOf(moment)] as const);
    return { step: this.#step, moments: Object.fromEntries(moments) };
  }

  /** @throws RangeError for a moment that is missing, unknown or of another size; then nothing is written. */
  // deno-lint-ignore require-await
  async writeOptimizer({ step, moments }: OptimizerState): Promise<void> {
    const lengths = [...this.#moments].map(([name, { size }]) => [name, size] as const);
    expectMoments(moments, Object.fromEntries(lengths));
    for (const [name, { shape }] of [...this.#moments]) {
      replace(this.#moments, name, this.tf.tensor(moments[name].slice(), shape));
    }
    this.#step = step;
  }

  // deno-lint-ignore require-await
  async resetOptimizer(): Promise<void> {
    this.#clearMoments();
    this.#step = 0;
  }

  override async dispose(): Promise<void> {
    await this.discard();
    for (const moment of this.#moments.values()) moment.dispose();
    this.#moments.clear();
    await super.dispose();
  }

  #clearMoments(): void {
    for (const name of Object.keys(this.graph.gradients)) {
      for (const kind of ["m", "v"]) {
        replace(
          this.#moments,
          `${name}.${kind}`,
          this.tf.zeros([...this.graph.parameters[name].shape]),
        );
      }
    }
  }

  /** Sum of a gradient's squares; a gradient that nothing was added to is zero. */
  #squares(name: string): number {
    const sum = this.#sums.get(name);
    if (sum === undefined) return 0;
    const squares = this.tf.tidy(() => this.tf.sum(this.tf.square(sum)));
    const [value] = valuesOf(squares);
    squares.dispose();
    return value;
  }

  /** θ ← θ − rate·(m̂ / (√v̂ + ε) + decay·θ), in single precision. */
  #adamW(name: string, rate: number, scale: number): void {
    const { tf } = this;
    const { beta1, beta2, epsilon, weightDecay } = this.#optimizer;
    const theta = this.parameters.get(name)!;
    const sum = this.#sums.get(name);
    const firstBias = 1 - beta1 ** this.#step;
    const secondBias = 1 - beta2 ** this.#step;
    const [m, v, value] = tf.tidy((): Tensor[] => {
      const gradient = sum === undefined ? tf.zerosLike(theta) : tf.mul(sum, scale);
      const mix = (moment: string, beta: number, addend: Tensor): Tensor =>
        tf.add(tf.mul(this.#moments.get(moment)!, beta), tf.mul(addend, 1 - beta));
      const m = mix(`${name}.m`, beta1, gradient);
      const v = mix(`${name}.v`, beta2, tf.square(gradient));
      const root = tf.add(tf.sqrt(tf.div(v, secondBias)), epsilon);
      const direction = tf.div(tf.div(m, firstBias), root);
      const kept = tf.mul(theta, 1 - rate * weightDecay);
      return [m, v, tf.sub(kept, tf.mul(direction, rate))];
    });
    replace(this.#moments, `${name}.m`, m);
    replace(this.#moments, `${name}.v`, v);
    replace(this.parameters, name, value);
  }
}
