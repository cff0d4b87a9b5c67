/**
 * `export`: a trained model as files that other programs open.
 */
import { join, relative, resolve } from "node:path";
import { formatBytes, StageError, writeFileSynced } from "../base/mod.ts";
import { parameterShapes } from "../model/mod.ts";
import { cutTokenizer, UnigramTokenizer } from "../tokenizers/mod.ts";
import { callerFolder } from "./caller_folder.ts";
import type {
  AnyModel,
  ExportedModel,
  ExportFormat,
  HeadedModel,
  WrittenForm,
} from "./exports/export_format.ts";
import { factsOf } from "./exports/gather_facts.ts";
import { exportFormats } from "./exports/mod.ts";
import { modelCard } from "./exports/model_card.ts";
import { checkNewFolder, fillNewFolder, removeUnfinished } from "./exports/new_folder.ts";
import { testText } from "./exports/test_text.ts";
import { keptFiles, shiftedFiles } from "./exports/tokenizer_files.ts";
import { oneOf } from "./option_values.ts";
import { guardingTokenizers } from "./own_process.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print, printError } from "./screen.ts";
import {
  type HeadState,
  openTrainedModels,
  type TrainedModel,
  type TrainedModelOptions,
  type TrainedModels,
} from "./trained_model.ts";

export interface ExportOptions extends TrainedModelOptions {
  readonly as?: readonly string[];
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option(
          "--as <form>",
          `${Object.keys(exportFormats).join(", ")} (default: hf); of several, as in hf,${
            Object.keys(exportFormats).at(-1)
          }, each has a folder`,
          (value: string, before: readonly string[] = []) => [...before, value],
        )
        .option(
          "--source <name>",
          "whose embedding and tokenizer, where each source has its own; all: a folder a source",
        )
        .option("--checkpoint <which>", "of pre-training: best or last", "best")
        .addHelpText("after", examples),
    ),
  act: async (project, target: string, folder: string, options: ExportOptions) => {
    const { root } = await project();
    return await guardingTokenizers(
      async (guard) => await exportModel(await project(), target, folder, { ...options, guard }),
      (pid) => removeUnfinished(placeOf(root, folder), pid),
    );
  },
};

const allSources = "all";

/** Writes the folder, all of it or nothing, and prints what is in it. */
export async function exportModel(
  project: Project,
  target: string,
  folder: string,
  options: ExportOptions,
): Promise<void> {
  const names = [...new Set((options.as ?? ["hf"]).flatMap((text) => text.split(",")))];
  const known = Object.keys(exportFormats);
  const formats = await Promise.all(
    names.map((name) => exportFormats[oneOf(known, "export a model as", name)]()),
  );
  const place = placeOf(project.root, folder);
  checkNewFolder(place);
  const models = await openTrainedModels(project, target, { ...options, takesHeads: true });
  const isEach = options.source === allSources && models.isLocal;
  const sources = isEach
    ? models.sources
    : [models.sourceOf(options.source === allSources ? undefined : options.source)];
  const said: string[] = [];
  await fillNewFolder(place, async (temporary) => {
    for (const source of sources) {
      const model = await anyModel(models, source, options);
      using _ = model.tokenizer;
      for (const format of formats) {
        // One form's config.json would be wrong for another.
        const inside = join(isEach ? source : "", formats.length > 1 ? format.name : "");
        said.push(await writeForm(format, model, { temporary, place, inside }));
      }
    }
  });
  print(said.join("\n"));
}

function placeOf(root: string, folder: string): string {
  return resolve(callerFolder(root), folder);
}

/** Writes one folder and its card. Returns what is said of it. */
async function writeForm(
  format: ExportFormat,
  model: AnyModel,
  { temporary, place, inside }: {
    readonly temporary: string;
    readonly place: string;
    readonly inside: string;
  },
): Promise<string> {
  const folder = join(temporary, inside);
  Deno.mkdirSync(folder, { recursive: true });
  const form = await written(format, model, folder);
  writeFileSynced(join(folder, "README.md"), await modelCard(model, form));
  if (form.note !== undefined) printError(`note: ${form.note}`);
  const { files, bytes } = sizeOf(folder);
  const shown = relative(Deno.cwd(), join(place, inside));
  return `${model.facts.target}${
    model.facts.source ? `, ${model.facts.source},` : ""
  } as ${format.name}: ` +
    `${shown.startsWith("..") ? join(place, inside) : shown} (${files} files, ${
      formatBytes(bytes)
    })\n` +
    `  ${form.checked}\n  How to use it, what differs: ${
      join(shown.startsWith("..") ? join(place, inside) : shown, "README.md")
    }`;
}

function written(format: ExportFormat, model: AnyModel, folder: string): Promise<WrittenForm> {
  if (isHeaded(model)) {
    if (format.writeHead !== undefined) return format.writeHead(model, folder);
    throw new StageError(
      `Cannot export ${model.facts.target} as ${format.name}: expected a model that predicts tokens, for no program that reads ` +
        `this form knows such a head, found one that was fine-tuned on ${model.head.task}; use --as hf`,
    );
  }
  if (!("tokenizerFiles" in model)) return format.write(model, folder);
  if (format.writeForeign !== undefined) return format.writeForeign(model, folder);
  throw withoutPieces(model, format.name);
}

function isHeaded(model: AnyModel): model is HeadedModel {
  return model.head !== undefined;
}

function withoutPieces({ facts }: AnyModel, form: string): StageError {
  return new StageError(
    `Cannot export ${facts.target} as ${form}: expected a vocabulary that was trained here, whose pieces the form needs, ` +
      "found a tokenizer of others",
  );
}

/** The model of a source with a vocabulary that was trained here. @throws StageError for another */
export async function exportedModel(
  models: TrainedModels,
  source: string,
  options: PlanOptions,
): Promise<ExportedModel> {
  const model = await anyModel(models, source, options);
  if (!("tokenizerFiles" in model)) return model;
  model.tokenizer[Symbol.dispose]();
  throw withoutPieces(model, "gguf");
}

/** The model of a source: its table, and the tokenizer of exactly that table. @throws StageError for a tokenizer that has no file of its own */
async function anyModel(
  models: TrainedModels,
  source: string,
  options: PlanOptions,
): Promise<AnyModel> {
  const { tokenizer, tokenizerFolder, vocabulary, ...opened } = await models.open(source);
  const model = models.head === undefined ? opened : headedModel(opened, models.head);
  const { rows } = vocabulary;
  const facts = await factsOf(models, options, {
    ...(models.isLocal ? { source } : {}),
    ...(rows === undefined ? {} : { cutFrom: tokenizer.vocabSize }),
  });
  const sources = models.isLocal ? [source] : models.sources;
  const text = () => testText(models, sources, vocabulary, model.config);
  if (tokenizer instanceof UnigramTokenizer) {
    const own = rows === undefined ? tokenizer : cutTokenizer(tokenizer, rows);
    return { ...model, facts, tokenizer: own, testText: text };
  }
  // An import's ids are those of its files; those of an adopted tokenizer were shifted for training.
  const isImport = tokenizer.special !== undefined;
  try {
    if (rows !== undefined) throw cutOfOthers(models, source);
    const tokenizerFiles = isImport
      ? keptFiles(tokenizerFolder)
      : shiftedFiles(tokenizerFolder, tokenizer);
    return { ...model, facts, tokenizer, tokenizerFiles, testText: text };
  } catch (error) {
    tokenizer[Symbol.dispose]();
    throw error;
  }
}

/** The network with the head apart, and without the table that predicted tokens. */
function headedModel<Opened extends Pick<TrainedModel, "config" | "tensors">>(
  model: Opened,
  { mean, deviation, kind, nClasses, task, seqLen }: HeadState,
): Opened & Pick<HeadedModel, "head"> {
  const config = { ...model.config, tiedEmbeddings: true };
  const names = Object.keys(parameterShapes(config));
  const only = (isTaken: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(model.tensors).filter(([name]) => isTaken(name)));
  const tensors = only((name) => name.startsWith("head."));
  return {
    ...model,
    config,
    tensors: only((name) => names.includes(name)),
    head: { task, kind, nClasses, seqLen, tensors, scale: { mean, deviation } },
  };
}

function cutOfOthers({ instance }: TrainedModels, source: string): StageError {
  return new StageError(
    `Cannot export ${instance.id} of source "${source}": expected a vocabulary that was trained here, which can be cut to the pieces of a ` +
      "source, found a tokenizer of others (vocabulary.global.file)",
  );
}

function sizeOf(folder: string): { readonly files: number; readonly bytes: number } {
  let [files, bytes] = [0, 0];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    const inside = isDirectory ? sizeOf(path) : { files: 1, bytes: Deno.statSync(path).size };
    files += inside.files;
    bytes += inside.bytes;
  }
  return { files, bytes };
}

const examples = `
Forms:
  hf      safetensors and a tokenizer for Python's transformers: GPT-2, MPT, GPT-NeoX, or a class of ours
  onnx    a graph with its cache, for transformers.js and ONNX Runtime in any language
  gguf    files for llama.cpp, in 32 and 16 bits

The folder must be new or empty. It gets its name when all is written, read back, and found equal to the model.

Examples:
  deno task pipeline export continue/trim/random DIR
  deno task pipeline export continue/trim/random DIR --as hf,onnx,gguf    DIR/hf, DIR/onnx, DIR/gguf
  deno task pipeline export pretrain/spec DIR --source all                a folder for each source
  deno task pipeline export pretrain/glob DIR --checkpoint last
  deno task pipeline export finetune/trim/random/TASK DIR                 a class that scores texts (finetune.keepsModel)`;
