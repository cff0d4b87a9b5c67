/**
 * Fine-tuned models with random weights, for tests of the forms in which they leave.
 */
import { Random, seedOf } from "../../base/mod.ts";
import type { HeadedModel } from "../../commands/exports/export_format.ts";
import type { TaskDescription } from "../../datasets/mod.ts";
import { headShapes, type ModelConfig, sizeOf } from "../../model/mod.ts";
import type { UnigramTokenizer } from "../../tokenizers/mod.ts";
import { randomModel } from "./exported_model.ts";

/** A task of each kind. */
export const taskKinds: readonly TaskDescription[] = [
  { kind: "classification", nClasses: 2 },
  { kind: "entailment", nClasses: 3 },
  { kind: "choice", nClasses: 4 },
  { kind: "similarity", nClasses: 1 },
];

/** A model of a kind with a head for a task. */
export async function headedModel(
  kind: Omit<ModelConfig, "vocabSize">,
  tokenizer: UnigramTokenizer,
  description: TaskDescription,
  hasHeadBias: boolean,
): Promise<HeadedModel> {
  const model = await randomModel(kind, tokenizer);
  const random = new Random(seedOf(12, "head"));
  const shapes = headShapes(model.config, { ...description, hasHeadBias });
  const tensors = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const data = Float32Array.from({ length: sizeOf(shape) }, () => random.normal());
      return [name, { shape, data }];
    }),
  );
  const scale = description.kind === "similarity"
    ? { mean: 2.5, deviation: 1.5 }
    : { mean: 0, deviation: 1 };
  return { ...model, head: { task: "invented", ...description, tensors, seqLen: 24, scale } };
}
