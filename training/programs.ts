/**
 * Compiled training programs by vocabulary size: sources with tables of the same size share one.
 */
import type { AdamWOptions, Engine, EngineOptions, TrainingProgram } from "../engine/mod.ts";
import {
  differentiate,
  languageModelGraph,
  type ModelConfig,
  withActivationNorms,
} from "../model/mod.ts";
import type { NamedTensor, Tensors } from "./checkpoint.ts";

/** A network but for its vocabulary. */
export type ModelShape = Omit<ModelConfig, "vocabSize">;

export interface ProgramsOptions {
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly optimizer: AdamWOptions;
  readonly model: ModelShape;
  readonly microBatchSize: number;
  /** Programs put out the means and norms of activations too. */
  readonly isMonitored?: boolean;
  /** Parameters that programs may hold together before the longest unused is dropped; results do not depend on it. */
  readonly maxParameters?: number;
}

/** Weights, gradients, two moments of 4 bytes each: 4 GB. */
const defaultMaxParameters = 250_000_000;

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
    const size = (held: TrainingProgram["graph"]) =>
      Object.values(held.parameters).reduce(
        (sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1),
        0,
      );
    let room = (this.#options.maxParameters ?? defaultMaxParameters) - size(graph);
    for (const program of this.#programs.values()) room -= size(program.graph);
    for (const [key, program] of this.#programs) {
      if (room >= 0) break;
      room += size(program.graph);
      this.#programs.delete(key);
      await program.dispose();
    }
    return await engine.compileTraining(graph, { ...engineOptions, optimizer });
  }
}

/** Sets all parameters of a program. */
export async function writeTensors(
  program: Pick<TrainingProgram, "write">,
  tensors: Tensors,
): Promise<void> {
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

/** Adam's moments as tensors of a checkpoint, and back. */
export function momentTensors(moments: Readonly<Record<string, Float32Array>>): Tensors {
  return Object.fromEntries(
    Object.entries(moments).map(([name, data]) => [name, { shape: [data.length], data }]),
  );
}

export function momentValues(tensors: Tensors): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
}
