/** A network of random numbers of which none is special: biases are not 0, scales of norms not 1. */
import { engineModule } from "../../engine/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import { Random, seedOf } from "../../base/mod.ts";
import {
  incrementalBias,
  incrementalGraph,
  type ModelConfig,
  parameterShapes,
  rotaryAngles,
  sizeOf,
} from "../../model/mod.ts";
import type { Tensors } from "../../training/mod.ts";

export function randomNetwork(config: ModelConfig): Tensors {
  const random = new Random(seedOf(1, "random network"));
  return Object.fromEntries(
    Object.entries(parameterShapes(config)).map(([name, shape]) => {
      const isScale = shape.length === 1 && name.endsWith(".weight");
      const deviation = shape.length === 1 ? 0.3 : 1 / Math.sqrt(shape[1]);
      const data = new Float32Array(sizeOf(shape));
      for (let i = 0; i < data.length; i++) {
        data[i] = (isScale ? 1 : 0) + deviation * random.normal();
      }
      return [name, { shape, data }];
    }),
  );
}

/** Logits [T, V] after each of T tokens, by the engine `reference`: what others are compared with. */
export async function referenceLogits(
  config: ModelConfig,
  tensors: Tensors,
  tokens: readonly number[],
): Promise<Float32Array> {
  const { engine } = await import(engineModule("reference")) as { engine: Engine };
  const shape = { length: tokens.length, capacity: 1 };
  const program = await engine.compile(incrementalGraph(config, shape), {
    threads: 1,
    precision: "fp32",
  });
  await program.write(
    Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data])),
  );
  const { nLayers, dModel } = config;
  const feeds: Record<string, Float32Array | Int32Array> = {
    tokens: Int32Array.from(tokens),
    bias: incrementalBias(config, shape, 0),
  };
  for (let layer = 0; layer < nLayers; layer++) {
    feeds[`past.${layer}.keys`] = new Float32Array(dModel);
    feeds[`past.${layer}.values`] = new Float32Array(dModel);
  }
  if (config.positions === "learned") feeds.positions = Int32Array.from(tokens, (_, i) => i);
  if (config.positions === "rotary") {
    const { cos, sin } = rotaryAngles(config, tokens.length);
    Object.assign(feeds, { "rotation.cos": cos, "rotation.sin": sin });
  }
  const { logits } = await program.run(feeds);
  await program.dispose();
  return logits;
}
