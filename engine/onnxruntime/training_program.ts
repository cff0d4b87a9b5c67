/**
 * Training: the gradients come from a session, everything after them happens on the host. Gradient sums and Adam's moments
 * are plain arrays; the first micro-batch of a step lets the session write straight into the sums.
 */
import type { Graph } from "../../model/mod.ts";
import { expectGradients, expectMoments } from "../checks.ts";
import type {
  AdamWOptions,
  Feeds,
  Fetches,
  OptimizerState,
  TrainingOptions,
  TrainingProgram,
  UpdateOptions,
  UpdateResult,
} from "../engine.ts";
import { clipFactor, gradientNormsOf } from "../gradient_norms.ts";
import type { Executable } from "./executable.ts";
import { addRows, type GradientParts, gradientParts } from "./host_rows.ts";
import type { HostProvider, SessionData } from "./session.ts";
import { HostUpdate } from "./host_update.ts";
import { adamWStep, addInto } from "./adamw.ts";
import { fetchesOf, OnnxRuntimeProgram, outputTargets } from "./program.ts";

export class OnnxRuntimeTrainingProgram extends OnnxRuntimeProgram implements TrainingProgram {
  readonly #optimizer: AdamWOptions;
  readonly #parts: readonly GradientParts[];
  /** Values that a step fetches besides the outputs: terms of gradients, rows and their ids. */
  readonly #stepValues: readonly string[];
  readonly #sums = new Map<string, Float32Array>();
  readonly #moments: Record<string, Float32Array> = {};
  readonly #update: HostUpdate;
  /** Arrays for fetched values that no sum can hold, made when first needed. */
  readonly #scratch = new Map<string, SessionData>();
  #step = 0;
  /** Micro-batches in the sums. At 0 the sums still hold numbers of the last step. */
  #accumulated = 0;

  /** Use `openTraining`. */
  constructor(graph: Graph, options: TrainingOptions, provider?: HostProvider) {
    super(graph, options, provider);
    expectGradients(graph);
    this.#optimizer = options.optimizer;
    this.#parts = gradientParts(this.expanded);
    const values = new Set<string>();
    for (const { parameter, terms, rowTerms } of this.#parts) {
      const { length } = this.parameters[parameter];
      this.#sums.set(parameter, new Float32Array(length));
      this.#moments[`${parameter}.m`] = new Float32Array(length);
      this.#moments[`${parameter}.v`] = new Float32Array(length);
      for (const term of terms) values.add(term);
      for (const { ids, rows } of rowTerms) values.add(ids).add(rows);
    }
    this.#stepValues = [...values];
    const tensors = [...this.#sums].map(([parameter, gradient]) => ({
      value: this.parameters[parameter],
      gradient,
      m: this.#moments[`${parameter}.m`],
      v: this.#moments[`${parameter}.v`],
    }));
    this.#update = new HostUpdate(tensors, options.threads);
  }

  static async openTraining(
    graph: Graph,
    options: TrainingOptions,
    provider?: HostProvider,
  ): Promise<OnnxRuntimeTrainingProgram> {
    const program = new OnnxRuntimeTrainingProgram(graph, options, provider);
    await program.#trainer();
    return program;
  }

  accumulate(feeds: Feeds): Promise<Fetches> {
    return this.turns.take(async () => {
      const executable = await this.#trainer();
      const outputs = Object.keys(this.graph.outputs);
      const targets = outputTargets(this.graph, executable, outputs);
      const direct = this.#accumulated === 0 ? this.#directTerms(targets) : new Map();
      for (const [value, sum] of direct) targets.set(value, sum);
      for (const value of this.#stepValues) {
        if (!targets.has(value)) targets.set(value, this.#scratchFor(value, executable));
      }
      await executable.run(feeds, targets);
      for (const parts of this.#parts) this.#addTerms(parts, targets, direct);
      for (const parts of this.#parts) this.#addRowTerms(parts, targets);
      this.#accumulated++;
      return fetchesOf(this.graph, outputs, targets);
    });
  }

  update(
    { learningRate, clipNorm, rateFactor = () => 1 }: UpdateOptions,
  ): Promise<UpdateResult> {
    return this.turns.take(async () => {
      if (this.#accumulated === 0) { for (const sum of this.#sums.values()) sum.fill(0); }
      this.#accumulated = 0;
      const parameters = [...this.#sums.keys()];
      const squares = await this.#update.squares();
      const norms = gradientNormsOf(parameters.map((parameter, i) => [parameter, squares[i]]));
      const { gradientNorm } = norms;
      if (!norms.applied) return norms;
      const scale = clipFactor(gradientNorm, clipNorm);
      this.#step++;
      await this.#update.step(parameters.map((parameter) => {
        const rate = learningRate * rateFactor(parameter);
        return adamWStep(this.#optimizer, rate, scale, this.#step);
      }));
      return norms;
    });
  }

  // deno-lint-ignore require-await
  async discard(): Promise<void> {
    this.#accumulated = 0;
  }

  // deno-lint-ignore require-await
  async readOptimizer(): Promise<OptimizerState> {
    const moments = Object.entries(this.#moments).map(([name, data]) => [name, data.slice()]);
    return { step: this.#step, moments: Object.fromEntries(moments) };
  }

  // deno-lint-ignore require-await
  async writeOptimizer({ step, moments }: OptimizerState): Promise<void> {
    const lengths = Object.entries(this.#moments).map(([name, { length }]) => [name, length]);
    expectMoments(moments, Object.fromEntries(lengths));
    for (const [name, data] of Object.entries(moments)) this.#moments[name].set(data);
    this.#step = step;
  }

  // deno-lint-ignore require-await
  async resetOptimizer(): Promise<void> {
    for (const moment of Object.values(this.#moments)) moment.fill(0);
    this.#step = 0;
  }

  override async dispose(): Promise<void> {
    this.#update.close();
    await super.dispose();
  }

  #trainer(): Promise<Executable> {
    const values = [...Object.values(this.graph.outputs), ...this.#stepValues];
    return this.executable("training graph", values);
  }

  /** Terms that a session may write straight into a sum: those of one parameter alone that are no output. */
  #directTerms(outputs: ReadonlyMap<string, SessionData>): Map<string, Float32Array> {
    const uses = new Map<string, number>();
    for (const { terms, rowTerms } of this.#parts) {
      for (const value of [...terms, ...rowTerms.map(({ rows }) => rows)]) {
        uses.set(value, (uses.get(value) ?? 0) + 1);
      }
    }
    const direct = new Map<string, Float32Array>();
    for (const { parameter, terms: [first] } of this.#parts) {
      if (first === undefined || outputs.has(first) || uses.get(first) !== 1) continue;
      direct.set(first, this.#sums.get(parameter)!);
    }
    return direct;
  }

  #scratchFor(value: string, executable: Executable): SessionData {
    let data = this.#scratch.get(value);
    if (data === undefined) this.#scratch.set(value, data = executable.allocate(value));
    return data;
  }

  #addTerms(
    { parameter, terms }: GradientParts,
    targets: ReadonlyMap<string, SessionData>,
    direct: ReadonlyMap<string, Float32Array>,
  ): void {
    const sum = this.#sums.get(parameter)!;
    const isWritten = terms.length > 0 && direct.has(terms[0]);
    if (this.#accumulated === 0 && !isWritten) sum.fill(0);
    for (const term of isWritten ? terms.slice(1) : terms) {
      addInto(sum, targets.get(term) as Float32Array);
    }
  }

  #addRowTerms(
    { parameter, rowTerms }: GradientParts,
    targets: ReadonlyMap<string, SessionData>,
  ): void {
    const sum = this.#sums.get(parameter)!;
    for (const { ids, rows, width } of rowTerms) {
      addRows(sum, targets.get(ids) as Int32Array, targets.get(rows) as Float32Array, width);
    }
  }
}
