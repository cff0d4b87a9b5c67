/** Forward execution: parameters as plain arrays on the host, a session for each set of outputs that is asked for. */
import { type Graph, sizeOf } from "../../model/mod.ts";
import { expectLength, expectName, expectThreads } from "../checks.ts";
import type { EngineOptions, Feeds, Fetches, Program } from "../engine.ts";
import { expandHeads } from "./head.ts";
import { Executable } from "./executable.ts";
import type { HostProvider, SessionData } from "./session.ts";
import { Turns } from "./turns.ts";

export class OnnxRuntimeProgram implements Program {
  readonly graph: Graph;
  /** The graph as sessions run it: its heads expanded. */
  protected readonly expanded: Graph;
  /** The parameters. Sessions read these arrays themselves. */
  protected readonly parameters: Readonly<Record<string, Float32Array>>;
  protected readonly options: EngineOptions;
  readonly #provider: HostProvider;
  readonly #executables = new Map<string, Promise<Executable>>();
  /** Calls that write into buffers of the program take turns. */
  protected readonly turns = new Turns();

  /** Use `open`. */
  constructor(graph: Graph, options: EngineOptions, provider: HostProvider = "cpu") {
    expectThreads(options.threads);
    this.graph = graph;
    this.expanded = expandHeads(graph);
    this.options = options;
    this.#provider = provider;
    this.parameters = Object.fromEntries(
      Object.entries(graph.parameters).map((
        [name, { shape }],
      ) => [name, new Float32Array(sizeOf(shape))]),
    );
  }

  /** Opens the session of all outputs at once, so that a graph the runtime refuses is refused here. */
  static async open(
    graph: Graph,
    options: EngineOptions,
    provider?: HostProvider,
  ): Promise<OnnxRuntimeProgram> {
    const program = new OnnxRuntimeProgram(graph, options, provider);
    await program.#forward(Object.keys(graph.outputs));
    return program;
  }

  async run(
    feeds: Feeds,
    outputs: readonly string[] = Object.keys(this.graph.outputs),
  ): Promise<Fetches> {
    for (const output of outputs) expectName(output, Object.keys(this.graph.outputs), "output");
    return await this.turns.take(async () => {
      const executable = await this.#forward(outputs);
      const targets = outputTargets(this.graph, executable, outputs);
      await executable.run(feeds, targets);
      return fetchesOf(this.graph, outputs, targets);
    });
  }

  // deno-lint-ignore require-await
  async write(values: Readonly<Record<string, Float32Array>>): Promise<void> {
    for (const [name, value] of Object.entries(values)) {
      expectName(name, Object.keys(this.parameters), "parameter");
      expectLength(name, value.length, this.parameters[name].length);
    }
    for (const [name, value] of Object.entries(values)) this.parameters[name].set(value);
  }

  // deno-lint-ignore require-await
  async read(
    names: readonly string[] = Object.keys(this.parameters),
  ): Promise<Record<string, Float32Array>> {
    return Object.fromEntries(names.map((name) => {
      expectName(name, Object.keys(this.parameters), "parameter");
      return [name, this.parameters[name].slice()];
    }));
  }

  async dispose(): Promise<void> {
    this.turns.end();
    const executables = [...this.#executables.values()];
    this.#executables.clear();
    for (const executable of executables) await (await executable).release();
  }

  /** The executable for a set of graph values, opened once. */
  protected executable(purpose: string, values: readonly string[]): Promise<Executable> {
    const key = JSON.stringify([...new Set(values)].sort());
    let executable = this.#executables.get(key);
    if (executable === undefined) {
      executable = Executable.open(this.expanded, values, this.parameters, {
        threads: this.options.threads,
        purpose,
        provider: this.#provider,
      });
      this.#executables.set(key, executable);
      executable.catch(() => this.#executables.delete(key));
    }
    return executable;
  }

  #forward(outputs: readonly string[]): Promise<Executable> {
    return this.executable("graph", outputs.map((output) => this.graph.outputs[output]));
  }
}

/** New arrays for the values of outputs. */
export function outputTargets(
  graph: Graph,
  executable: Executable,
  outputs: readonly string[],
): Map<string, SessionData> {
  return new Map(outputs.map((output) => {
    const value = graph.outputs[output];
    return [value, executable.allocate(value)];
  }));
}

/** The arrays that a run filled, by output name; each output gets an array of its own. */
export function fetchesOf(
  graph: Graph,
  outputs: readonly string[],
  targets: ReadonlyMap<string, SessionData>,
): Fetches {
  const fetches: Fetches = {};
  const given = new Set<SessionData>();
  for (const output of outputs) {
    const data = targets.get(graph.outputs[output])!;
    const isOwn = data instanceof Float32Array && !given.has(data);
    fetches[output] = isOwn ? data : Float32Array.from(data);
    given.add(data);
  }
  return fetches;
}
