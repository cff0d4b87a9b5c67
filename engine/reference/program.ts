/**
 * A program of the reference engine: a graph and the values of its parameters.
 */
import { type Graph, sizeOf } from "../../model/mod.ts";
import { expectLength, expectName } from "../checks.ts";
import type { Feeds, Fetches, Program } from "../engine.ts";
import { FeedCheck } from "../feeds.ts";
import { interpret, type Schedule, scheduleFor } from "./interpret.ts";

/**
 * Parameters are held as numbers that single precision can write, zero until set, so that reading and writing back gives
 * the same state; everything computed from them is in float64.
 */
export class ReferenceProgram implements Program {
  readonly graph: Graph;
  protected readonly parameters: Record<string, Float64Array> = {};
  readonly #feeds: FeedCheck;
  readonly #schedules = new Map<string, Schedule>();

  constructor(graph: Graph) {
    this.graph = graph;
    this.#feeds = new FeedCheck(graph);
    for (const [name, { shape }] of Object.entries(graph.parameters)) {
      this.parameters[name] = new Float64Array(sizeOf(shape));
    }
  }

  // deno-lint-ignore require-await
  async run(
    feeds: Feeds,
    outputs: readonly string[] = Object.keys(this.graph.outputs),
  ): Promise<Fetches> {
    for (const name of outputs) expectName(name, Object.keys(this.graph.outputs), "output");
    const values = this.compute(feeds, outputs.map((name) => this.graph.outputs[name]));
    return this.fetch(outputs, values);
  }

  // deno-lint-ignore require-await
  async write(values: Readonly<Record<string, Float32Array>>): Promise<void> {
    for (const [name, data] of Object.entries(values)) {
      expectLength(name, data.length, this.#parameter(name).length);
    }
    for (const [name, data] of Object.entries(values)) this.parameters[name].set(data);
  }

  // deno-lint-ignore require-await
  async read(
    names: readonly string[] = Object.keys(this.parameters),
  ): Promise<Record<string, Float32Array>> {
    return Object.fromEntries(
      names.map((name) => [name, Float32Array.from(this.#parameter(name))]),
    );
  }

  async dispose(): Promise<void> {}

  /** Values of the graph by value name. */
  protected compute(
    feeds: Feeds,
    wanted: readonly string[],
  ): Map<string, Float64Array | Int32Array> {
    const schedule = this.#schedule(wanted);
    const inputs = schedule.leaves.filter((name) => Object.hasOwn(this.graph.inputs, name));
    this.#feeds.check(inputs, feeds);
    const values: Record<string, Float64Array | Int32Array> = { ...this.parameters };
    for (const name of inputs) {
      const data = feeds[name];
      values[name] = data instanceof Int32Array ? data : Float64Array.from(data);
    }
    return interpret(this.graph, schedule, values);
  }

  protected fetch(
    outputs: readonly string[],
    values: ReadonlyMap<string, Float64Array | Int32Array>,
  ): Fetches {
    return Object.fromEntries(
      outputs.map((name) => [name, Float32Array.from(values.get(this.graph.outputs[name])!)]),
    );
  }

  #schedule(wanted: readonly string[]): Schedule {
    const key = wanted.join("\n");
    let schedule = this.#schedules.get(key);
    if (schedule === undefined) {
      this.#schedules.set(key, schedule = scheduleFor(this.graph, wanted));
    }
    return schedule;
  }

  #parameter(name: string): Float64Array {
    expectName(name, Object.keys(this.parameters), "parameter");
    return this.parameters[name];
  }
}
