/**
 * Values that parameters start from.
 *
 * Source: He et al. 2015 (`kaiming_normal_`, fan-in) as llm-foundry applies it: std = √(2 / fan_in) for every weight matrix,
 * outputs into the residual stream divided by √(2·nLayers), biases 0, norm weights 1. A table of embeddings counts as a
 * matrix of fan_in = dModel.
 */
import { Random, type Seed } from "../base/mod.ts";
import { type ModelConfig, parameterShapes } from "./config.ts";
import { type HeadOptions, headShapes } from "./fine_tune.ts";
import { type Shape, sizeOf } from "./shapes.ts";

/** Radford et al. 2018, §4.1, and their code for the head. */
const headDeviation = 0.02;

/** Every `body.*` parameter, drawn from one sequence in parameter order. The vocabulary and the positions play no part. */
export function initialiseBody(config: ModelConfig, seed: Seed): Record<string, Float32Array> {
  const random = new Random(seed);
  const values: Record<string, Float32Array> = {};
  for (const [name, shape] of Object.entries(parameterShapes(config))) {
    if (name.startsWith("body.")) values[name] = initialValue(name, shape, config.nLayers, random);
  }
  return values;
}

/**
 * A table of embeddings [rows, dModel], drawn row by row: a table of fewer rows is a prefix of a longer one with this seed.
 */
export function initialiseTable(rows: number, dModel: number, seed: Seed): Float32Array {
  return normals([rows, dModel], Math.sqrt(2 / dModel), new Random(seed));
}

/** The parameters of a fine-tuning head: normal with deviation 0.02, bias 0. */
export function initialiseHead(
  config: ModelConfig,
  options: HeadOptions,
  seed: Seed,
): Readonly<Record<string, Float32Array>> {
  return Object.fromEntries(
    Object.entries(headShapes(config, options)).map(([name, shape]) => [
      name,
      name.endsWith(".bias")
        ? new Float32Array(sizeOf(shape))
        : normals(shape, headDeviation, new Random(seed)),
    ]),
  );
}

function initialValue(name: string, shape: Shape, nLayers: number, random: Random): Float32Array {
  if (name.endsWith(".bias")) return new Float32Array(sizeOf(shape));
  if (shape.length === 1) return new Float32Array(sizeOf(shape)).fill(1);
  const isResidual = name.endsWith(".attn.out.weight") || name.endsWith(".mlp.down.weight");
  const deviation = Math.sqrt(2 / shape[1]);
  return normals(shape, isResidual ? deviation / Math.sqrt(2 * nLayers) : deviation, random);
}

function normals(shape: Shape, deviation: number, random: Random): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal();
  return values;
}
