/** A small network trained for a moment on text, in this process: predictions that are no chance. */
import { engineModule } from "../../engine/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import { Random, seedOf } from "../../base/mod.ts";
import { differentiate, languageModelGraph, type ModelConfig } from "../../model/mod.ts";
import type { Tensors } from "../../training/mod.ts";
import { randomNetwork } from "./random_network.ts";

const batchSize = 8;
const rate = 3e-3;

/** @param text Ids that windows are cut from */
export async function trainedNetwork(
  config: ModelConfig,
  text: Int32Array,
  steps: number,
): Promise<Tensors> {
  const { seqLen: T } = config;
  const { engine } = await import(engineModule("cpu")) as { engine: Engine };
  const first = randomNetwork(config);
  const program = await engine.compileTraining(
    differentiate(languageModelGraph(config, batchSize)),
    {
      ...{ threads: 1, precision: "fp32" },
      optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
    },
  );
  const names = Object.keys(first);
  await program.write(Object.fromEntries(names.map((name) => [name, first[name].data])));
  const random = new Random(seedOf(1, "trained network"));
  const size = batchSize * T;
  const weights = new Float32Array(size).fill(1 / size);
  for (let step = 0; step < steps; step++) {
    const [tokens, targets] = [new Int32Array(size), new Int32Array(size)];
    for (let b = 0; b < batchSize; b++) {
      const from = random.below(text.length - T);
      tokens.set(text.subarray(from, from + T), b * T);
      targets.set(text.subarray(from + 1, from + T + 1), b * T);
    }
    await program.accumulate({ tokens, targets, weights });
    await program.update({ learningRate: rate * (1 - step / steps), clipNorm: 1 });
  }
  const values = await program.read(names);
  await program.dispose();
  return Object.fromEntries(
    names.map((name) => [name, { shape: first[name].shape, data: values[name] }]),
  );
}
