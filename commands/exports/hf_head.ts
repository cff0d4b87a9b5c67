/**
 * Fine-tuned models in the form `hf`: a class of transformers that scores texts, `AutoModelForSequenceClassification`.
 *
 * That library's classes take the state of the last token that is no padding, as fine-tuning does, and their heads have no bias. So a
 * head with a bias leaves in our own class, even on a network that a standard one computes.
 *
 * Source: huggingface/transformers, `GPT2ForSequenceClassification`, `MptForSequenceClassification`, `GPTNeoXForSequenceClassification`.
 */
import type { Json } from "../../base/mod.ts";
import {
  type Fit,
  layoutOf,
  layouts,
  type LayoutTensors,
  toLayout,
} from "../../model/layouts/mod.ts";
import type { ExportedHead, HeadedModel, WrittenForm } from "./export_format.ts";
import { headNames, readBackHead } from "./head_read_back.ts";
import { hasPadding, saveHeadTokenizer, tokenizerOfHeadLimits } from "./head_tokenizer.ts";
import {
  autoMap,
  configFile,
  isOurs,
  overridesOf,
  saveCode,
  saveWeights,
  writeJson,
} from "./hf_files.ts";
import { idFields } from "./tokenizer_files.ts";

/** How to use the folder, in Markdown with gaps. A file, for its lines are programs of others. */
const useFile = "hf_head_use.md";

export async function writeHfHead(model: HeadedModel, folder: string): Promise<WrittenForm> {
  const { config, tensors, head } = model;
  const fit = headFit(model);
  writeJson(folder, configFile, configJson(model, fit));
  saveWeights(folder, { ...toLayout(fit.layout, config, tensors), ...headTensors(head) });
  if (isOurs(fit)) saveCode(folder);
  await saveHeadTokenizer(model, folder);
  const checked = await readBackHead(model, folder);
  return { ...described(model, fit), checked };
}

/** The class that computes network and head. */
export function headFit({ config, head }: HeadedModel): Fit {
  const fit = layoutOf(config);
  if (head.tensors[headNames.bias] === undefined) return fit;
  const { why, change } = fit.misfit ?? {};
  return {
    layout: layouts.get("dept")!,
    misfit: {
      why: [why, "heads of that library's classes have no bias"].filter(Boolean).join(", and "),
      change: { ...change },
    },
  };
}

/** The head under that library's names. Similarity adds the scores of both orders of two texts, so each has half of the bias. */
function headTensors({ tensors, kind }: ExportedHead): LayoutTensors {
  const { [headNames.weight]: weight, [headNames.bias]: bias } = tensors;
  if (bias === undefined) return { "score.weight": weight };
  const data = kind === "similarity" ? bias.data.map((value) => value / 2) : bias.data;
  return { "score.weight": weight, "score.bias": { shape: bias.shape, data } };
}

function configJson(model: HeadedModel, fit: Fit): Json {
  const { config, head } = model;
  const [classes] = head.tensors[headNames.weight].shape;
  const names = Array.from({ length: classes }, (_, i) => `LABEL_${i}`);
  const { pad_token_id, ...ids } = idFields(model);
  return {
    model_type: fit.layout.modelType,
    architectures: [fit.layout.classifier],
    ...(isOurs(fit) ? { auto_map: autoMap } : {}),
    ...fit.layout.configJson(config),
    ...(isOurs(fit) ? { head_bias: head.tensors[headNames.bias] !== undefined } : {}),
    ...ids,
    pad_token_id: hasPadding(model) ? pad_token_id : null,
    id2label: Object.fromEntries(names.map((name, i) => [i, name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
    problem_type: classes === 1 ? "regression" : "single_label_classification",
    torch_dtype: "float32",
    use_cache: false,
  };
}

function described(model: HeadedModel, fit: Fit): Omit<WrittenForm, "checked"> {
  const { misfit } = fit;
  const { seqLen } = model.head;
  const changes = [
    overridesOf(fit),
    ...(model.head.tensors[headNames.bias] === undefined ? [] : ["--set finetune.headBias=false"]),
  ].filter((one) => one !== "").join(" ");
  return {
    ...(misfit === undefined ? {} : {
      note: `${misfit.why}: the folder has a class of its own, which whoever opens it must trust ` +
        `(trust_remote_code=True). A model fine-tuned with ${changes} needs none.`,
    }),
    task: "text-classification",
    library: "transformers",
    tags: isOurs(fit) ? ["custom_code"] : [],
    use: linesToUse(model, fit),
    limits: [
      ...(misfit === undefined ? [] : [
        `No standard class computes this model: ${misfit.why}. So the folder holds a class of its own, and whoever opens it ` +
        `has to trust that code. Fine-tuned with \`${changes}\` a model needs none.`,
      ]),
      "Python's transformers itself has not opened such a folder where this form was made, for it could not be had there. PyTorch has " +
      "computed the same scores with that library's names and sums.",
      `Fine-tuned on ${seqLen} tokens at a time; longer texts are cut.`,
      "Dropout was on while it was fine-tuned, and is off here. What predicts tokens is not in the folder: this model scores texts.",
      ...tokenizerOfHeadLimits(model),
    ],
  };
}

function linesToUse({ head }: HeadedModel, fit: Fit): string[] {
  const { mean, deviation } = head.scale;
  const answers: Record<ExportedHead["kind"], string> = {
    classification: 'print(scores("A text").argmax().item())  # its class',
    entailment: 'print(scores("A premise", "a hypothesis").argmax().item())  # its class',
    choice: [
      'options = ["one end", "another end"]',
      'print(max(options, key=lambda option: scores("What comes before", option)[0].item()))',
    ].join("\n"),
    similarity: [
      'a, b = "A text", "another text"',
      `print((scores(a, b) + scores(b, a))[0].item() * ${deviation} + ${mean})`,
    ].join("\n"),
  };
  const words: Record<string, string> = {
    asks: isOurs(fit) ? "; it asks for trust in `modeling_dept.py`" : "",
    trust: isOurs(fit) ? ", trust_remote_code=True" : "",
    answer: answers[head.kind],
  };
  const text = Deno.readTextFileSync(new URL(`./${useFile}`, import.meta.url)).trim();
  return [text.replace(/\{(asks|trust|answer)\}/g, (_, name) => words[name])];
}
