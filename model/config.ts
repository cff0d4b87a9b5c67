/**
 * What a network is made of: its configuration, its parameters by name and shape, and their number.
 */
import { type Shape, sizeOf } from "./shapes.ts";

/** A decoder-only transformer, as in MosaicML's MPT. */
export interface ModelConfig {
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  /** Width inside the MLP as a multiple of `dModel`. */
  readonly expansion: number;
  /** Longest sequence in tokens; rows of the table of learned positions. */
  readonly seqLen: number;
  readonly vocabSize: number;
  readonly positions: "alibi" | "learned";
  /** False leaves out every bias, those of the norms too, as MPT's `no_bias`. */
  readonly bias: boolean;
}

/**
 * Checks a configuration and returns it.
 * @throws RangeError that names the field, what is expected and what was found.
 */
export function validateConfig(config: ModelConfig): ModelConfig {
  for (const field of ["nLayers", "dModel", "nHeads", "seqLen", "vocabSize"] as const) {
    if (!Number.isInteger(config[field]) || config[field] < 1) {
      throw new RangeError(
        `Cannot build a model: expected ${field} to be a whole number of 1 or more, found ${
          config[field]
        }`,
      );
    }
  }
  if (config.dModel % config.nHeads !== 0) {
    throw new RangeError(
      `Cannot build attention in body.block.0: expected dModel (${config.dModel}) to be a multiple of nHeads, found nHeads = ${config.nHeads}`,
    );
  }
  if (!(config.expansion > 0) || !Number.isInteger(config.expansion * config.dModel)) {
    throw new RangeError(
      `Cannot build mlp in body.block.0: expected expansion × dModel (${config.dModel}) to be a whole number of 1 or more, found expansion = ${config.expansion}`,
    );
  }
  if (config.positions !== "alibi" && config.positions !== "learned") {
    throw new RangeError(
      `Cannot build a model: expected positions to be "alibi" or "learned", found "${config.positions}"`,
    );
  }
  if (typeof config.bias !== "boolean") {
    throw new RangeError(
      `Cannot build a model: expected bias to be true or false, found ${config.bias}`,
    );
  }
  return config;
}

/**
 * Shapes of all parameters by name: embeddings, blocks from the first to the last, final norm. This order is the one of
 * initialisation and of everything that goes through parameters. Weights of linear layers are [out, in].
 */
export function parameterShapes(config: ModelConfig): Record<string, Shape> {
  const { nLayers, dModel, expansion, seqLen, vocabSize, positions, bias } = validateConfig(config);
  const shapes: Record<string, Shape> = {};
  const withBias = (name: string, weight: Shape) => {
    shapes[`${name}.weight`] = weight;
    if (bias) shapes[`${name}.bias`] = [weight[0]];
  };
  shapes["embedding.token.weight"] = [vocabSize, dModel];
  if (positions === "learned") shapes["embedding.position.weight"] = [seqLen, dModel];
  for (let layer = 0; layer < nLayers; layer++) {
    const block = `body.block.${layer}`;
    withBias(`${block}.norm_1`, [dModel]);
    withBias(`${block}.attn.qkv`, [3 * dModel, dModel]);
    withBias(`${block}.attn.out`, [dModel, dModel]);
    withBias(`${block}.norm_2`, [dModel]);
    withBias(`${block}.mlp.up`, [expansion * dModel, dModel]);
    withBias(`${block}.mlp.down`, [dModel, expansion * dModel]);
  }
  withBias("body.norm_final", [dModel]);
  return shapes;
}

/** Numbers of parameters: all, those of the body (θ), of the token table (ϕ) and of the position table (ψ). */
interface ParameterCounts {
  readonly total: number;
  readonly body: number;
  readonly tokenEmbedding: number;
  readonly positionEmbedding: number;
}

export function countParameters(config: ModelConfig): ParameterCounts {
  let body = 0;
  let tokenEmbedding = 0;
  let positionEmbedding = 0;
  // Blocks are alike: one is counted, so that planning takes the same time for any number of them.
  const { nLayers } = validateConfig(config);
  for (const [name, shape] of Object.entries(parameterShapes({ ...config, nLayers: 1 }))) {
    if (name.startsWith("body.block.")) body += nLayers * sizeOf(shape);
    else if (name.startsWith("body.")) body += sizeOf(shape);
    else if (name === "embedding.token.weight") tokenEmbedding += sizeOf(shape);
    else positionEmbedding += sizeOf(shape);
  }
  return {
    total: body + tokenEmbedding + positionEmbedding,
    body,
    tokenEmbedding,
    positionEmbedding,
  };
}
