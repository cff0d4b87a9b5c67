/**
 * What the programs of all engines have in common: names and sizes are checked, calls take turns, AdamW counts its steps. An engine
 * says where numbers lie and how they are computed.
 */
import { type Graph, sizeOf } from "../model/mod.ts";
import { expectLength, expectMoments, expectName } from "./checks.ts";
import type {
  AdamWOptions,
  Feeds,
  Fetches,
  OptimizerState,
  TrainingProgram,
  UpdateOptions,
  UpdateResult,
} from "./engine.ts";
import { FeedCheck } from "./feeds.ts";
import { clipFactor } from "./gradient_norms.ts";

/** Shapes by name. */
export type Shapes = Readonly<Record<string, readonly number[]>>;
type Values = Readonly<Record<string, Float32Array>>;

/** Named float tensors that an engine keeps, zero until they are written. */
export interface Store {
  write(values: Values): void | Promise<void>;
  /** Copies. */
  read(names: readonly string[]): Values | Promise<Values>;
  /** All values become zero. */
  clear(): void;
}

/** Tensors as arrays of the host. */
export class ArrayStore<Data extends Float32Array | Float64Array> implements Store {
  readonly arrays: Readonly<Record<string, Data>>;

  constructor(shapes: Shapes, Data: new (length: number) => Data) {
    this.arrays = mapValues(shapes, (shape) => new Data(sizeOf(shape)));
  }

  write(values: Values): void {
    for (const [name, data] of Object.entries(values)) this.arrays[name].set(data);
  }

  read(names: readonly string[]): Values {
    return Object.fromEntries(names.map((name) => [name, new Float32Array(this.arrays[name])]));
  }

  clear(): void {
    for (const array of Object.values(this.arrays)) array.fill(0);
  }
}

/** A graph without gradients trains nothing: its program only runs. */
export abstract class EngineProgram<Kept extends Store> implements TrainingProgram {
  readonly graph: Graph;
  /** Shapes of the trained parameters, in the order of parameters. */
  protected readonly trained: Shapes;
  protected readonly parameters: Kept;
  /** `<parameter>.m` and `<parameter>.v` of each trained parameter. */
  protected readonly moments: Kept;
  readonly #optimizer: AdamWOptions | undefined;
  readonly #parameterShapes: Shapes;
  readonly #momentShapes: Shapes;
  readonly #feeds: FeedCheck;
  /** Steps of AdamW that were taken. */
  protected step = 0;
  #isRunning = false;
  #isDisposed = false;

  /** @param fed What is fed, where that is more than the graph's inputs. */
  constructor(
    graph: Graph,
    keep: (shapes: Shapes) => Kept,
    optimizer?: AdamWOptions,
    fed: Graph = graph,
  ) {
    this.graph = graph;
    this.#optimizer = optimizer;
    this.#feeds = new FeedCheck(fed);
    this.#parameterShapes = mapValues(graph.parameters, ({ shape }) => shape);
    const shapes = Object.entries(this.#parameterShapes);
    this.trained = Object.fromEntries(
      shapes.filter(([name]) => Object.hasOwn(graph.gradients, name)),
    );
    this.#momentShapes = Object.fromEntries(
      Object.entries(this.trained).flatMap(([name, shape]) =>
        ["m", "v"].map((kind) => [`${name}.${kind}`, shape])
      ),
    );
    this.parameters = keep(this.#parameterShapes);
    this.moments = keep(this.#momentShapes);
  }

  /** Computes outputs of the graph. */
  protected abstract compute(feeds: Feeds, outputs: readonly string[]): Promise<Fetches>;
  /** Computes all outputs and adds the gradients to the running sums. */
  protected abstract addGradients(feeds: Feeds): Promise<Fetches>;
  /** Of the sums. */
  protected abstract gradientNorms(): UpdateResult | Promise<UpdateResult>;
  /** Takes step number `step`, with a learning rate for each trained parameter; gradients are multiplied by `scale`. */
  protected abstract adamW(
    rates: ReadonlyMap<string, number>,
    scale: number,
    optimizer: AdamWOptions,
  ): void | Promise<void>;
  abstract discard(): Promise<void>;
  /** Frees what the engine holds. */
  protected abstract release(): Promise<void>;

  async run(
    feeds: Feeds,
    outputs: readonly string[] = Object.keys(this.graph.outputs),
  ): Promise<Fetches> {
    for (const name of outputs) expectName(name, Object.keys(this.graph.outputs), "output");
    return await this.#inTurn(() => this.compute(feeds, outputs));
  }

  async write(values: Values): Promise<void> {
    for (const [name, { length }] of Object.entries(values)) {
      expectName(name, Object.keys(this.#parameterShapes), "parameter");
      expectLength(name, length, sizeOf(this.#parameterShapes[name]));
    }
    await this.parameters.write(values);
  }

  async read(
    names: readonly string[] = Object.keys(this.#parameterShapes),
  ): Promise<Record<string, Float32Array>> {
    for (const name of names) expectName(name, Object.keys(this.#parameterShapes), "parameter");
    return await this.parameters.read(names);
  }

  async accumulate(feeds: Feeds): Promise<Fetches> {
    return await this.#inTurn(() => this.addGradients(feeds));
  }

  async update(
    { learningRate, clipNorm, rateFactor = () => 1 }: UpdateOptions,
  ): Promise<UpdateResult> {
    return await this.#inTurn(async () => {
      const norms = await this.gradientNorms();
      if (norms.applied) {
        this.step++;
        const names = Object.keys(this.trained);
        const rates = new Map(names.map((name) => [name, learningRate * rateFactor(name)]));
        await this.adamW(rates, clipFactor(norms.gradientNorm, clipNorm), this.#optimizer!);
      }
      await this.discard();
      return norms;
    });
  }

  async readOptimizer(): Promise<OptimizerState> {
    return { step: this.step, moments: await this.moments.read(Object.keys(this.#momentShapes)) };
  }

  /** @throws RangeError for a moment that is missing, unknown or of another size; then nothing is written. */
  async writeOptimizer({ step, moments }: OptimizerState): Promise<void> {
    expectMoments(moments, mapValues(this.#momentShapes, sizeOf));
    await this.moments.write(moments);
    this.step = step;
  }

  // deno-lint-ignore require-await
  async resetOptimizer(): Promise<void> {
    this.moments.clear();
    this.step = 0;
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    await this.release();
  }

  /** @throws RangeError or TypeError for feeds that do not fit the needed inputs. */
  protected checkFeeds(needed: readonly string[], feeds: Feeds): void {
    this.#feeds.check(needed, feeds);
  }

  /** One call at a time: calls write into buffers that the next one would overwrite. */
  async #inTurn<T>(action: () => Promise<T>): Promise<T> {
    if (this.#isDisposed) {
      throw new Error("Cannot run a program: expected one that was not disposed of");
    }
    if (this.#isRunning) {
      throw new Error("Cannot run a program: expected the call before to have ended (await it)");
    }
    this.#isRunning = true;
    try {
      return await action();
    } finally {
      this.#isRunning = false;
    }
  }
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
