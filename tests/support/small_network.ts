/**
 * A small network for tests of engines: its configuration, first weights, feeds and steps.
 */
import { Random, seedOf } from "../../base/mod.ts";
import type { TrainingProgram } from "../../engine/mod.ts";
import { headTable, initialiseBody, initialiseTable, type ModelConfig } from "../../model/mod.ts";

export const options = { threads: 1, precision: "fp32" } as const;
export const adamW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
/** With these the first moment after an update is the gradient itself. */
export const probe = { beta1: 0, beta2: 0, epsilon: 1, weightDecay: 0 };

export const config: ModelConfig = {
  nLayers: 2,
  dModel: 16,
  nHeads: 2,
  expansion: 4,
  seqLen: 12,
  vocabSize: 50,
  positions: "alibi",
  bias: true,
};

export function initialValues(of: ModelConfig): Record<string, Float32Array> {
  const table = (rows: number, name: string) =>
    initialiseTable(rows, of.dModel, seedOf(1, `init/embedding/${name}`));
  return {
    "embedding.token.weight": table(of.vocabSize, "test"),
    ...(of.positions === "learned"
      ? { "embedding.position.weight": table(of.seqLen, "position") }
      : {}),
    ...(of.tiedEmbeddings === false ? { [headTable(of)]: table(of.vocabSize, "output") } : {}),
    ...initialiseBody(of, seedOf(1, "init/body")),
  };
}

/** Feeds of one micro-batch: few distinct ids, so that rows repeat; weights with zeros among them. */
export function languageFeeds(
  of: ModelConfig,
  batchSize: number,
  step: number,
  length = of.seqLen,
) {
  const random = new Random(seedOf(1, `engine_test/feeds/${step}`));
  const count = batchSize * length;
  const draw = () => Math.floor(of.vocabSize * random.float64() ** 3);
  const weight = () => random.below(8) === 0 ? 0 : 1 / count;
  return {
    tokens: Int32Array.from({ length: count }, draw),
    targets: Int32Array.from({ length: count }, draw),
    weights: Float32Array.from({ length: count }, weight),
  };
}

/** Runs steps of two micro-batches each and returns their losses. */
export async function steps(
  program: TrainingProgram,
  from: number,
  count: number,
  batchSize = 2,
): Promise<Float32Array> {
  const losses: number[] = [];
  for (let step = from; step < from + count; step++) {
    const first = await program.accumulate(languageFeeds(config, batchSize, 2 * step));
    const second = await program.accumulate(languageFeeds(config, batchSize, 2 * step + 1));
    await program.update({ learningRate: 0.01, clipNorm: 1 });
    losses.push(first.loss[0] + second.loss[0]);
  }
  return Float32Array.from(losses);
}
