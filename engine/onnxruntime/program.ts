/**
 * A program of ONNX Runtime on the host: parameters, sums of gradients and Adam's moments are plain arrays, a session computes each
 * set of values that is asked for. The first micro-batch of a step lets the session write straight into the sums.
 */
import type { Graph } from "../../model/mod.ts";
import { adamWStep } from "../adamw_step.ts";
import type { AdamWOptions, Feeds, Fetches, UpdateResult } from "../engine.ts";
import { ArrayStore, EngineProgram } from "../engine_program.ts";
import { gradientNormsOf } from "../gradient_norms.ts";
import { expandLayerNorms } from "../layer_norm_gradient.ts";
import type { OpenOptions } from "../open_engine.ts";
import { addInto } from "./adamw.ts";
import { Executable } from "./executable.ts";
import { expandAttention } from "../attention_blocks.ts";
import { expandHeads } from "./head.ts";
import { addRows, type GradientParts, gradientParts } from "./host_rows.ts";
import { HostUpdate } from "./host_update.ts";
import type { HostProvider, SessionData } from "./session.ts";

export class OnnxRuntimeProgram extends EngineProgram<ArrayStore<Float32Array>> {
  /** The graph as sessions run it: its heads expanded. */
  readonly #expanded: Graph;
  readonly #threads: number;
  readonly #provider: HostProvider;
  readonly #executables = new Map<string, Promise<Executable>>();
  readonly #parts: readonly GradientParts[];
  /** Values that a step fetches besides the outputs: terms of gradients, rows and their ids. */
  readonly #stepValues: readonly string[];
  readonly #sums: ArrayStore<Float32Array>;
  readonly #update: HostUpdate;
  /** Arrays for fetched values that no sum can hold, made when first needed. */
  readonly #scratch = new Map<string, SessionData>();
  /** Micro-batches in the sums. At 0 the sums still hold numbers of the last step. */
  #accumulated = 0;

  private constructor(
    graph: Graph,
    { threads, optimizer }: OpenOptions,
    provider: HostProvider,
  ) {
    super(graph, (shapes) => new ArrayStore(shapes, Float32Array), optimizer);
    this.#expanded = expandHeads(expandAttention(expandLayerNorms(graph)));
    this.#threads = threads;
    this.#provider = provider;
    this.#parts = gradientParts(this.#expanded);
    this.#stepValues = [
      ...new Set(this.#parts.flatMap(({ terms, rowTerms }) => [
        ...terms,
        ...rowTerms.flatMap(({ ids, rows }) => [ids, rows]),
      ])),
    ];
    this.#sums = new ArrayStore(this.trained, Float32Array);
    const moments = this.moments.arrays;
    const tensors = Object.entries(this.#sums.arrays).map(([name, gradient]) => ({
      value: this.parameters.arrays[name],
      gradient,
      m: moments[`${name}.m`],
      v: moments[`${name}.v`],
    }));
    this.#update = new HostUpdate(tensors, threads);
  }

  /** Opens the session that is needed first, so that a graph the runtime refuses is refused here. */
  static async open(
    graph: Graph,
    options: OpenOptions,
    provider: HostProvider = "cpu",
  ): Promise<OnnxRuntimeProgram> {
    const program = new OnnxRuntimeProgram(graph, options, provider);
    const outputs = Object.keys(graph.outputs);
    await (program.#parts.length > 0 ? program.#trainer() : program.#forward(outputs));
    return program;
  }

  protected async compute(feeds: Feeds, outputs: readonly string[]): Promise<Fetches> {
    const executable = await this.#forward(outputs);
    const targets = this.#targets(executable, outputs);
    this.checkFeeds(executable.inputs, feeds);
    await executable.run(feeds, targets);
    return this.#fetches(outputs, targets);
  }

  protected async addGradients(feeds: Feeds): Promise<Fetches> {
    const executable = await this.#trainer();
    const outputs = Object.keys(this.graph.outputs);
    const targets = this.#targets(executable, outputs);
    const direct = this.#accumulated === 0 ? this.#directTerms(targets) : new Map();
    for (const [value, sum] of direct) targets.set(value, sum);
    for (const value of this.#stepValues) {
      if (!targets.has(value)) targets.set(value, this.#scratchFor(value, executable));
    }
    this.checkFeeds(executable.inputs, feeds);
    await executable.run(feeds, targets);
    for (const parts of this.#parts) this.#addTerms(parts, targets, direct);
    for (const parts of this.#parts) this.#addRowTerms(parts, targets);
    this.#accumulated++;
    return this.#fetches(outputs, targets);
  }

  protected async gradientNorms(): Promise<UpdateResult> {
    if (this.#accumulated === 0) this.#sums.clear();
    const squares = await this.#update.squares();
    return gradientNormsOf(Object.keys(this.trained).map((name, i) => [name, squares[i]]));
  }

  protected async adamW(
    rates: ReadonlyMap<string, number>,
    scale: number,
    optimizer: AdamWOptions,
  ): Promise<void> {
    await this.#update.step(
      [...rates.values()].map((rate) => adamWStep(optimizer, rate, scale, this.step)),
    );
  }

  // deno-lint-ignore require-await
  async discard(): Promise<void> {
    this.#accumulated = 0;
  }

  protected async release(): Promise<void> {
    this.#update.close();
    const executables = [...this.#executables.values()];
    this.#executables.clear();
    for (const executable of executables) await (await executable).release();
  }

  #forward(outputs: readonly string[]): Promise<Executable> {
    return this.#executable("graph", outputs.map((output) => this.graph.outputs[output]));
  }

  #trainer(): Promise<Executable> {
    const values = [...Object.values(this.graph.outputs), ...this.#stepValues];
    return this.#executable("training graph", values);
  }

  /** The executable for a set of graph values, opened once. */
  #executable(purpose: string, values: readonly string[]): Promise<Executable> {
    const key = JSON.stringify([...new Set(values)].sort());
    let executable = this.#executables.get(key);
    if (executable === undefined) {
      const options = { threads: this.#threads, purpose, provider: this.#provider };
      executable = Executable.open(this.#expanded, values, this.parameters.arrays, options);
      this.#executables.set(key, executable);
      executable.catch(() => this.#executables.delete(key));
    }
    return executable;
  }

  /** New arrays for the values of outputs. */
  #targets(executable: Executable, outputs: readonly string[]): Map<string, SessionData> {
    return new Map(outputs.map((output) => {
      const value = this.graph.outputs[output];
      return [value, executable.allocate(value)];
    }));
  }

  /** The arrays that a run filled, by output name; each output gets an array of its own. */
  #fetches(outputs: readonly string[], targets: ReadonlyMap<string, SessionData>): Fetches {
    const fetches: Fetches = {};
    const given = new Set<SessionData>();
    for (const output of outputs) {
      const data = targets.get(this.graph.outputs[output])!;
      const isOwn = data instanceof Float32Array && !given.has(data);
      fetches[output] = isOwn ? data : Float32Array.from(data);
      given.add(data);
    }
    return fetches;
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
      direct.set(first, this.#sums.arrays[parameter]);
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
    const sum = this.#sums.arrays[parameter];
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
    const sum = this.#sums.arrays[parameter];
    for (const { ids, rows, width } of rowTerms) {
      addRows(sum, targets.get(ids) as Int32Array, targets.get(rows) as Float32Array, width);
    }
  }
}
