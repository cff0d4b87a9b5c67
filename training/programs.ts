/**
 * Compiled training programs by vocabulary size: sources with tables of the same size share one.
 */
import type { AdamWOptions, Engine, EngineOptions, TrainingProgram } from "../engine/mod.ts";
import {
  differentiate,
  formatShape,
  languageModelGraph,
  withActivationNorms,
} from "../model/mod.ts";
import { StageError } from "../base/mod.ts";
import { maxProgramsBytes, programBytes } from "./micro_batch.ts";
import type { NamedTensor, Tensors } from "./checkpoint.ts";
import type { ModelShape, MonitorSettings } from "./settings.ts";

interface ProgramsOptions {
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly optimizer: AdamWOptions;
  readonly model: ModelShape;
  readonly microBatchSize: number;
  /** Programs put out the means and norms of activations too. */
  readonly isMonitored?: boolean;
}

/** Holds programs up to a sum of bytes; beyond it the longest unused is dropped. Results do not depend on that. */
export class TrainingPrograms {
  readonly #options: ProgramsOptions;
  /** In the order of last use. */
  readonly #programs = new Map<number, TrainingProgram>();

  constructor(options: ProgramsOptions) {
    this.#options = options;
  }

  /** A program with whatever state its last user left in it: write parameters and optimizer first. */
  async get(vocabSize: number): Promise<TrainingProgram> {
    const found = this.#programs.get(vocabSize);
    this.#programs.delete(vocabSize);
    const program = found ?? await this.#compile(vocabSize);
    this.#programs.set(vocabSize, program);
    return program;
  }

  async dispose(): Promise<void> {
    for (const program of this.#programs.values()) await program.dispose();
    this.#programs.clear();
  }

  async #compile(vocabSize: number): Promise<TrainingProgram> {
    const { engine, engineOptions, optimizer, model, microBatchSize, isMonitored } = this.#options;
    const network = languageModelGraph({ ...model, vocabSize }, microBatchSize);
    const graph = differentiate(isMonitored ? withActivationNorms(network) : network);
    let room = maxProgramsBytes - programBytes(graph);
    for (const program of this.#programs.values()) room -= programBytes(program.graph);
    for (const [key, program] of this.#programs) {
      if (room >= 0) break;
      room += programBytes(program.graph);
      this.#programs.delete(key);
      await program.dispose();
    }
    return await engine.compileTraining(graph, { ...engineOptions, optimizer });
  }
}

/** The programs of a run, by the size of a vocabulary. */
export function openPrograms(
  { settings: { inner, model, microBatchSize, monitors }, engine, engineOptions }: {
    readonly settings: {
      readonly inner: AdamWOptions;
      readonly model: ModelShape;
      readonly microBatchSize: number;
      readonly monitors: MonitorSettings;
    };
    readonly engine: Engine;
    readonly engineOptions: EngineOptions;
  },
): TrainingPrograms {
  const isMonitored = monitors.everySteps !== null;
  const options = { engine, engineOptions, optimizer: inner, model, microBatchSize };
  return new TrainingPrograms({ ...options, isMonitored });
}

/**
 * Sets all parameters of a program.
 * @throws StageError for the weights of another network: one too few or too many, or of another shape.
 */
export async function writeTensors(
  program: Pick<TrainingProgram, "write" | "graph">,
  tensors: Tensors,
): Promise<void> {
  const { parameters } = program.graph;
  for (const name of Object.keys({ ...parameters, ...tensors })) {
    const [expected, found] = [parameters[name], tensors[name]].map((tensor) =>
      tensor === undefined ? "none" : formatShape(tensor.shape)
    );
    if (expected === found) continue;
    throw new StageError(
      `Cannot use weights: expected those of this network, with ${expected} as "${name}", found ${found}; ` +
        `they are of another model`,
    );
  }
  await program.write(
    Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data])),
  );
}

/** All parameters of a program, in the order of their names. */
export async function readTensors(
  program: Pick<TrainingProgram, "read" | "graph">,
): Promise<Tensors> {
  const values = await program.read();
  return Object.fromEntries(
    Object.keys(values).sort().map((name): [string, NamedTensor] => [
      name,
      { shape: program.graph.parameters[name].shape, data: values[name] },
    ]),
  );
}
