/**
 * Models with random weights, for tests of the forms in which models leave.
 */
import { Random, seedOf } from "../../base/mod.ts";
import { join } from "node:path";
import type { ExportedModel, ForeignModel } from "../../commands/exports/export_format.ts";
import { type Engine, engineModule } from "../../engine/mod.ts";
import { type ModelConfig, parameterShapes, sizeOf } from "../../model/mod.ts";
import type { Tokenizer, UnigramTokenizer } from "../../tokenizers/mod.ts";
import { keepTokenizer, openAdopted } from "../../tokenizers/adopted/mod.ts";
import type { Tensors } from "../../training/mod.ts";

/** Networks of every kind: ALiBi or learned positions, with biases and without, two widths of the MLP; six heads are no power of 2. */
export const networkKinds: readonly Omit<ModelConfig, "vocabSize">[] =
  (["alibi", "learned"] as const).flatMap((positions) =>
    [true, false].flatMap((bias) =>
      [4, 1.5].map((expansion) => (
        { nLayers: 2, dModel: 24, nHeads: 6, expansion, seqLen: 32, positions, bias }
      ))
    )
  );

/** What distinguishes a network among `networkKinds`. */
export function kindName({ positions, bias, expansion }: Omit<ModelConfig, "vocabSize">): string {
  return `${positions}, ${bias ? "biases" : "no biases"}, expansion ${expansion}`;
}

/** Normal weights of deviation 0.3, and norms around 1: logits that a mistake changes. */
export function randomWeights(config: ModelConfig): Tensors {
  const random = new Random(seedOf(11, "exported model"));
  return Object.fromEntries(
    Object.entries(parameterShapes(config)).map(([name, shape]) => {
      const mean = /norm.*weight$/.test(name) ? 1 : 0;
      const data = Float32Array.from({ length: sizeOf(shape) }, () => mean + 0.3 * random.normal());
      return [name, { shape, data }];
    }),
  );
}

/** A model of a kind with the rows of a tokenizer. @param engineName What computes its logits */
export async function randomModel(
  kind: Omit<ModelConfig, "vocabSize">,
  tokenizer: UnigramTokenizer,
  engineName = "cpu",
): Promise<ExportedModel> {
  return { ...await modelOf(kind, tokenizer, engineName), tokenizer };
}

/** The same with a tokenizer of others, as an import has it. @param folder Takes its files */
export async function foreignModel(
  kind: Omit<ModelConfig, "vocabSize">,
  tokenizerJson: string,
  folder: string,
  { rows, endId }: { readonly rows: number; readonly endId: number },
): Promise<ForeignModel> {
  const [given, kept] = ["given", "kept"].map((name) => join(folder, name));
  for (const place of [given, kept]) Deno.mkdirSync(place, { recursive: true });
  const file = join(given, "tokenizer.json");
  Deno.writeTextFileSync(file, tokenizerJson);
  await keepTokenizer(file, kept, { rows, endId });
  const tokenizer = await openAdopted(kept);
  const tokenizerFiles = { "tokenizer.json": tokenizerJson };
  return { ...await modelOf(kind, tokenizer, "cpu"), tokenizer, tokenizerFiles };
}

async function modelOf(
  kind: Omit<ModelConfig, "vocabSize">,
  tokenizer: Pick<Tokenizer, "vocabSize">,
  engineName: string,
): Promise<Omit<ExportedModel, "tokenizer">> {
  const config = { ...kind, vocabSize: tokenizer.vocabSize };
  const { engine } = await import(engineModule(engineName)) as { engine: Engine };
  return {
    config,
    tensors: randomWeights(config),
    facts: {
      target: "continue/glob/random",
      output: "model",
      key: "0".repeat(64),
      digest: "1".repeat(64),
      recipe: { name: "invented", description: "For tests.", typed: "" },
      variant: "glob",
      sources: [{ name: "it", text: "invented", licence: "CC0-1.0" }],
      numbers: [],
    },
    engine,
    engineOptions: { threads: 1, precision: "fp32" },
    testText: () => Promise.resolve([]),
  };
}
