/**
 * The form `hf`: a folder that Python's transformers opens, and with it what builds on that library.
 *
 *     model.safetensors, config.json         in the layout of a standard class where one computes the network, else of our own
 *     modeling_dept.py                       that class
 *     generation_config.json
 *     tokenizer.json, tokenizer_config.json, special_tokens_map.json
 */
import type { Json } from "../../base/mod.ts";
import { type Fit, layoutOf, toLayout } from "../../model/layouts/mod.ts";
import type { AnyModel, ExportFormat, WrittenForm } from "./export_format.ts";
import {
  autoMap,
  configFile,
  isOurs,
  overridesOf,
  saveCode,
  saveWeights,
  writeJson,
} from "./hf_files.ts";
import { writeHfHead } from "./hf_head.ts";
import { readBack } from "./read_back.ts";
import {
  endPiece,
  endsOfTexts,
  idFields,
  saveTokenizerFiles,
  tokenizerLimits,
} from "./tokenizer_files.ts";

/** How to use the folder, in Markdown with gaps. A file, for its lines are programs of others. */
const useFile = "hf_use.md";

/** Tokens that are generated unless a caller says another number; fewer where positions end. */
const maxNewTokens = 64;

export const hf: ExportFormat = {
  name: "hf",
  description: "safetensors for Python's transformers (GPT-2, MPT, GPT-NeoX, or a class of ours)",
  write: writeHf,
  writeForeign: writeHf,
  writeHead: writeHfHead,
};

async function writeHf(model: AnyModel, folder: string): Promise<WrittenForm> {
  const { config, tensors } = model;
  const fit = layoutOf(config);
  writeJson(folder, configFile, configJson(model, fit));
  writeJson(folder, "generation_config.json", generationConfig(model));
  saveWeights(folder, toLayout(fit.layout, config, tensors));
  if (isOurs(fit)) saveCode(folder);
  saveTokenizerFiles(model, folder);
  const checked = await readBack(model, folder);
  return { ...described(model, fit), checked };
}

/** The whole `config.json` of a network in a layout. */
function configJson(model: AnyModel, fit: Fit): Json {
  const { modelType, architecture } = fit.layout;
  return {
    model_type: modelType,
    architectures: [architecture],
    ...(isOurs(fit) ? { auto_map: autoMap } : {}),
    ...fit.layout.configJson(model.config),
    ...idFields(model),
    torch_dtype: "float32",
    use_cache: true,
  };
}

/** `generation_config.json`: the likeliest piece each time, and no more of them than positions reach. */
export function generationConfig(model: AnyModel): Json {
  return {
    ...idFields(model),
    do_sample: false,
    max_new_tokens: Math.max(1, Math.min(maxNewTokens, Math.floor(model.config.seqLen / 2))),
  };
}

function described(model: AnyModel, fit: Fit): Omit<WrittenForm, "checked"> {
  const { misfit } = fit;
  return {
    ...(misfit === undefined ? {} : {
      note: `${misfit.why}: the folder has a class of its own, which whoever opens it must trust ` +
        `(trust_remote_code=True). A model trained with ${overridesOf(fit)} needs none.`,
    }),
    library: "transformers",
    tags: isOurs(fit) ? ["custom_code"] : [],
    use: linesToUse(model, fit),
    limits: [
      ...(misfit === undefined ? [] : [
        `No standard class computes this network: ${misfit.why}. So the folder holds a class of its own, and whoever opens ` +
        `it has to trust that code. Trained with \`${overridesOf(fit)}\` a model needs none.`,
      ]),
      "Python's transformers itself has not opened such a folder where this form was made, for it could not be had there. PyTorch has " +
      "computed the same logits with that library's names and sums, and transformers.js has given the same ids.",
      lengthLimit(model, fit),
      endsOfTexts(model),
      ...tokenizerLimits(model),
    ],
  };
}

function linesToUse(model: AnyModel, fit: Fit): string[] {
  const words: Record<string, string> = {
    asks: isOurs(fit) ? "; it asks for trust in `modeling_dept.py`" : "",
    trust: isOurs(fit) ? ", trust_remote_code=True" : "",
    end: endPiece(model),
  };
  const text = Deno.readTextFileSync(new URL(`./${useFile}`, import.meta.url)).trim();
  return [text.replace(/\{(asks|trust|end)\}/g, (_, name) => words[name])];
}

function lengthLimit({ config: { seqLen, positions } }: AnyModel, { layout }: Fit): string {
  if (positions === "learned") {
    return `Positions end after ${seqLen} tokens, prompt and answer together.`;
  }
  const trained = `Trained on ${seqLen} tokens at a time.`;
  if (layout.modelType !== "mpt") return `${trained} Longer texts are computed all the same.`;
  return `${trained} For longer texts load with \`max_seq_len=${
    4 * seqLen
  }\`, or more: no number changes.`;
}
