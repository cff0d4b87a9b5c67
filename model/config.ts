/**
 * What a network is made of: its configuration, its parameters by name and shape, and their number.
 */
import { type Shape, sizeOf } from "./shapes.ts";

/** A decoder-only transformer: MosaicML's MPT, unless an option below says otherwise. */
export interface ModelConfig {
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  /** Width inside the MLP as a multiple of `dModel`. */
  readonly expansion: number;
  /** Longest sequence in tokens; rows of the table of learned positions. */
  readonly seqLen: number;
  readonly vocabSize: number;
  readonly positions: Positions;
  /** False leaves out every bias, those of the norms too, as MPT's `no_bias`. */
  readonly bias: boolean;
  /** Share of a head's channels that rotary positions turn: an even number of channels, rounded down to a whole one. */
  readonly rotaryFraction?: number;
  /** Rotary positions: the slowest pair of R channels turns by base^(−(R − 2)/R) a position. */
  readonly rotaryBase?: number;
  /** Attention and MLP of a block both read what comes in: x + attn(norm_1 x) + mlp(norm_2 x), as in GPT-NeoX. */
  readonly parallelResidual?: boolean;
  /** Whether the head multiplies with the token table; if not it has one of its own, `embedding.output.weight`. */
  readonly tiedEmbeddings?: boolean;
  /** The exact GELU, or its approximation by tanh (`gelu_new` of GPT-2). */
  readonly gelu?: "exact" | "tanh";
  /** Added to the variance in a norm. */
  readonly layerNormEps?: number;
}

const positionKinds = ["alibi", "learned", "rotary"] as const;
export type Positions = typeof positionKinds[number];

/** Options of a configuration that does not say them. Recipes do: `pipeline/recipes/base.yaml` has the same. */
export const networkDefaults = {
  rotaryFraction: 0.25, // Pythia
  rotaryBase: 10_000,
  parallelResidual: false,
  tiedEmbeddings: true,
  gelu: "exact",
  layerNormEps: 1e-5,
} as const satisfies Partial<ModelConfig>;

/**
 * Checks a configuration and returns it with all its options.
 * @throws RangeError that names the field, what is expected and what was found.
 */
export function validateConfig(given: ModelConfig): Required<ModelConfig> {
  const config = { ...networkDefaults, ...given };
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
  checkChoices(config);
  if (config.positions === "rotary") checkRotary(config);
  if (!(config.layerNormEps > 0)) {
    throw new RangeError(
      `Cannot build a model: expected layerNormEps above 0, found ${config.layerNormEps}`,
    );
  }
  return config;
}

function checkChoices(config: Required<ModelConfig>): void {
  const choices = { positions: positionKinds, gelu: ["exact", "tanh"] } as const;
  for (const [field, known] of Object.entries(choices)) {
    const found = config[field as keyof typeof choices];
    if ((known as readonly string[]).includes(found)) continue;
    throw new RangeError(
      `Cannot build a model: expected ${field} to be one of ${known.join(", ")}, found "${found}"`,
    );
  }
  for (const field of ["bias", "parallelResidual", "tiedEmbeddings"] as const) {
    if (typeof config[field] === "boolean") continue;
    throw new RangeError(
      `Cannot build a model: expected ${field} to be true or false, found ${config[field]}`,
    );
  }
}

function checkRotary({ dModel, nHeads, rotaryFraction, rotaryBase }: Required<ModelConfig>): void {
  const channels = Math.floor(dModel / nHeads * rotaryFraction);
  if (!(rotaryFraction <= 1 && channels >= 2 && channels % 2 === 0)) {
    throw new RangeError(
      `Cannot build rotary positions: expected rotaryFraction to be of an even number of the ${
        dModel / nHeads
      } channels of a head, 2 or more, found ${rotaryFraction}, which are ${channels}`,
    );
  }
  if (!(rotaryBase > 1 && Number.isFinite(rotaryBase))) {
    throw new RangeError(
      `Cannot build rotary positions: expected rotaryBase above 1, found ${rotaryBase}`,
    );
  }
}

/** The table [V, C] that the head multiplies states with. */
export function headTable(
  { tiedEmbeddings = networkDefaults.tiedEmbeddings }: ModelConfig,
): string {
  return tiedEmbeddings ? "embedding.token.weight" : "embedding.output.weight";
}

/**
 * Shapes of all parameters by name: embeddings, blocks from the first to the last, final norm. This order is the one of
 * initialisation and of everything that goes through parameters. Weights of linear layers are [out, in].
 */
export function parameterShapes(config: ModelConfig): Record<string, Shape> {
  const { nLayers, dModel, expansion, seqLen, vocabSize, positions, bias, tiedEmbeddings } =
    validateConfig(config);
  const shapes: Record<string, Shape> = {};
  const withBias = (name: string, weight: Shape) => {
    shapes[`${name}.weight`] = weight;
    if (bias) shapes[`${name}.bias`] = [weight[0]];
  };
  shapes["embedding.token.weight"] = [vocabSize, dModel];
  if (positions === "learned") shapes["embedding.position.weight"] = [seqLen, dModel];
  if (!tiedEmbeddings) shapes["embedding.output.weight"] = [vocabSize, dModel];
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

/**
 * Numbers of parameters: all, those of the body (θ), of the token table (ϕ, with the table of a head that is not tied) and of
 * the position table (ψ).
 */
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
    else if (name === "embedding.position.weight") positionEmbedding += sizeOf(shape);
    else tokenEmbedding += sizeOf(shape);
  }
  return {
    total: body + tokenEmbedding + positionEmbedding,
    body,
    tokenEmbedding,
    positionEmbedding,
  };
}
