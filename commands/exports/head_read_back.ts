/**
 * Reads back a fine-tuned model in the form `hf`, and compares it with the model.
 */
import { join } from "node:path";
import { fineTuneGraph } from "../../model/mod.ts";
import {
  decodeSafetensors,
  encodeExample,
  sequencesOf,
  taskFeeds,
  type Tensors,
  writeTensors,
} from "../../training/mod.ts";
import type { ExportedHead, HeadedModel } from "./export_format.ts";
import { checkWeights, fail, fixedText, type ReadModel, readModel } from "./read_back.ts";
import { specialOf } from "./tokenizer_files.ts";

/** Names of the head's parameters, as fine-tuning has them. */
export const headNames = { weight: "head.weight", bias: "head.bias" } as const;

/** The same in files of that library. */
const theirNames = { weight: "score.weight", bias: "score.bias" } as const;

/**
 * Compares weights and the scores of a text with the model's own. Returns what was found, as a sentence.
 * @throws StageError when anything differs, in a single bit
 */
export async function readBackHead(model: HeadedModel, folder: string): Promise<string> {
  const read = readModel(folder, Object.values(theirNames));
  checkWeights(model, read, folder);
  const head = readHead(model, folder);
  checkWeights(model.head, { tensors: head }, folder);
  const expected = await headScores(model, model, model.head.tensors);
  const found = await headScores(model, read, head);
  const at = expected.findIndex((value, i) => !Object.is(value, found[i]));
  if (at >= 0) fail(folder, `score ${expected[at]} as number ${at}`, `${found[at]}`);
  const tensors = Object.keys(read.tensors).length + Object.keys(head).length;
  return `Read back after writing: ${tensors} tensors with those of the head, and its scores of a text, equal those of the model bit ` +
    `for bit (engine ${model.engine.name}).`;
}

/** The head of a folder, as fine-tuning has it. */
function readHead({ head: { kind } }: HeadedModel, folder: string): Tensors {
  const path = join(folder, "model.safetensors");
  const { [theirNames.weight]: weight, [theirNames.bias]: bias } = decodeSafetensors(
    Deno.readFileSync(path),
    path,
  );
  if (bias === undefined) return { [headNames.weight]: weight };
  const data = kind === "similarity" ? bias.data.map((value) => value * 2) : bias.data;
  return { [headNames.weight]: weight, [headNames.bias]: { shape: bias.shape, data } };
}

/** What fine-tuning's own graph says of an example of the task's kind: scores of classes, of options, or of a pair. */
export async function headScores(
  { engine, engineOptions, tokenizer, head }: HeadedModel,
  { config, tensors }: ReadModel,
  headTensors: Tensors,
): Promise<Float32Array> {
  const { kind, nClasses, seqLen } = head;
  const shape = {
    ...{ batchSize: 1, seqLen, sequences: sequencesOf(head), languageModelWeight: 0 },
    isScore: kind === "similarity",
    padId: specialOf(tokenizer).pad,
  };
  const graph = fineTuneGraph(config, {
    ...{ kind, nClasses, ...shape, hasLanguageModelLoss: false },
    hasHeadBias: headTensors[headNames.bias] !== undefined,
  });
  const program = await engine.compile(graph, engineOptions);
  try {
    await writeTensors(program, { ...tensors, ...headTensors });
    const example = encodeExample(head, exampleOf(head), tokenizer, seqLen);
    const { logits } = await program.run(taskFeeds([example], shape), ["logits"]);
    return logits;
  } finally {
    await program.dispose();
  }
}

function exampleOf({ kind, nClasses }: ExportedHead) {
  const [first, second] = fixedText.split(": ");
  const isPair = kind === "entailment" || kind === "similarity";
  return {
    texts: isPair ? [first, second] : [first],
    options: Array.from({ length: nClasses }, (_, i) => second.slice(0, 8 + i)),
    label: 0,
  };
}
