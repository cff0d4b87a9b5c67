/**
 * `generate`: text from a trained model, or how well it predicts a text.
 */
import { readerModule } from "../datasets/mod.ts";
import { languageModelGraph } from "../model/mod.ts";
import { specialIds } from "../tokenizers/mod.ts";
import {
  countUnknown,
  Decoder,
  generateTokens,
  nextTick,
  renumber,
  scoreText,
  writeTensors,
} from "../training/mod.ts";
import { Random, seedOf, UsageError } from "../base/mod.ts";
import { numberAtLeast, wholeNumber } from "./option_values.ts";
import { guardingTokenizers } from "./own_process.ts";
import { checkFiles, readTexts } from "./text_input.ts";
import { auto, routedSource } from "./routed_source.ts";
import { openTrainedModels, type TrainedModel, type TrainedModelOptions } from "./trained_model.ts";
import { addPlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { stoppableLine } from "./reading_progress.ts";
import { print, printError, write, writeRaw } from "./screen.ts";

export interface GenerateOptions extends TrainedModelOptions {
  readonly prompt?: string;
  readonly perplexity?: string;
  readonly tokens: string;
  readonly temperature: string;
  readonly topK?: string;
  readonly seed: string;
  readonly textField: string;
  readonly json?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("-p, --prompt <text>", "what to go on with")
        .option("--perplexity <file>", "a text to predict instead: plain, JSON lines, parquet, …")
        .option("--tokens <n>", "at most so many are made", "64")
        .option("--temperature <t>", "0 takes the likeliest, 1 draws as the model says", "0.8")
        .option("--top-k <k>", "draw from the k likeliest only")
        .option("--seed <n>", "the same seed draws the same text", "0")
        .option(
          "--source <name>",
          "whose embedding and tokenizer, where each source has its own; auto finds it from the text",
        )
        .option("--checkpoint <which>", "of pre-training: best or last", "best")
        .option("--text-field <name>", "the field of a file of records", "text")
        .option("--json", "print one JSON object")
        .addHelpText("after", examples),
    ),
  act: (project, target: string, options: GenerateOptions) =>
    guardingTokenizers(async (guard) =>
      await generate(await project(), target, { ...options, guard })
    ),
};

/** Tokens that are made at most: memory for all of them is taken at once. */
const maxTokens = 100_000;

/** Windows that are scored at once. */
const batchSize = 8;

/** Prints and returns the exit code. */
export async function generate(
  project: Project,
  target: string,
  options: GenerateOptions,
): Promise<number> {
  if ((options.prompt === undefined) === (options.perplexity === undefined)) {
    throw new UsageError(
      `Cannot use a model: expected either --prompt TEXT (\"\" for none) or --perplexity FILE`,
    );
  }
  const settings = {
    tokens: wholeNumber("--tokens", options.tokens, 1, maxTokens),
    temperature: numberAtLeast("--temperature", options.temperature, 0),
    topK: options.topK === undefined ? undefined : wholeNumber("--top-k", options.topK, 1),
    seed: wholeNumber("--seed", options.seed, 0),
  };
  if (options.perplexity !== undefined) checkFiles([options.perplexity]);
  const model = await openModel(project, target, options);
  using _ = model.tokenizer;
  if (options.perplexity !== undefined) await printScore(model, options.perplexity, options);
  else await printText(model, options.prompt!, settings, options.json === true);
  return 0;
}

/** The model that the options name, or that the text belongs to. */
async function openModel(
  project: Project,
  target: string,
  options: GenerateOptions,
): Promise<TrainedModel> {
  const models = await openTrainedModels(project, target, options);
  const { source, prompt, perplexity, textField } = options;
  if (source !== auto || models.sources.includes(auto)) {
    return await models.open(models.sourceOf(source));
  }
  if (!models.isLocal) return await models.open(models.sourceOf(undefined));
  const texts = perplexity === undefined ? [prompt!] : documentsOf(perplexity, textField);
  const found = await routedSource(models, texts);
  printError(`note: source ${found}, whose counts of pieces tell the text in the fewest bits`);
  return await models.open(found);
}

async function printText(
  model: TrainedModel,
  prompt: string,
  { seed, ...sampling }: {
    readonly tokens: number;
    readonly temperature: number;
    readonly topK: number | undefined;
    readonly seed: number;
  },
  asJson: boolean,
): Promise<void> {
  const { config, tokenizer, vocabulary } = model;
  const { end } = tokenizer.special ?? specialIds;
  // A text begins where another has ended, as in training.
  const encoded = tokenizer.encode(prompt);
  const ids = new Int32Array(1 + encoded.length).fill(end);
  ids.set(encoded, 1);
  const capacity = ids.length + sampling.tokens;
  if (config.positions === "learned" && capacity > config.seqLen) {
    throw new UsageError(
      `Cannot generate ${sampling.tokens} tokens after a prompt of ${
        ids.length - 1
      }: expected at most ` +
        `${config.seqLen - 1} together, the context that positions were learned for`,
    );
  }
  const unknown = countUnknown(ids, vocabulary);
  if (unknown > 0) {
    printError(
      `note: ${unknown} of ${ids.length - 1} tokens of the prompt are unknown to the model`,
    );
  }
  const decoder = new Decoder({ ...model, capacity });
  const show = (text: string) => (Deno.stdout.isTerminal() ? write : writeRaw)(Deno.stdout, text);
  const all = [...ids.subarray(1)];
  let printed = "";
  using line = stoppableLine();
  try {
    const made = generateTokens(decoder, renumber(ids, vocabulary), {
      ...sampling,
      endId: end,
      unused: unusedIds(tokenizer),
      random: new Random(seedOf(seed, "generate")),
      onPrompt: async (read) => {
        line.show(`prompt: ${read} of ${ids.length} tokens read`);
        await nextTick();
      },
    });
    for await (const token of made) {
      await nextTick();
      line.wipe();
      all.push(vocabulary.rows === undefined ? token : vocabulary.rows[token]);
      // Bytes of a character come one by one: what may still change waits.
      const text = tokenizer.decode(all).replace(/\uFFFD+$/, "");
      if (!asJson && text.startsWith(printed)) {
        if (!show(text.slice(printed.length))) return; // nobody reads any more
        printed = text;
      }
    }
  } finally {
    await decoder.dispose();
  }
  const text = tokenizer.decode(all);
  if (asJson) print(JSON.stringify({ text, prompt, tokens: all.length + 1 - ids.length }));
  else show((text.startsWith(printed) ? text.slice(printed.length) : "") + "\n");
}

/** Ids without a piece, which fill up the table of an import. */
function unusedIds({ special, vocabSize, piece }: TrainedModel["tokenizer"]): readonly number[] {
  if (special === undefined) return [];
  return Array.from({ length: vocabSize }, (_, id) => id).filter((id) => piece(id) === "");
}

async function printScore(
  model: TrainedModel,
  file: string,
  { textField, json }: Pick<GenerateOptions, "textField" | "json">,
): Promise<void> {
  const { config, tensors, tokenizer, vocabulary, engine, engineOptions } = model;
  const ids: number[] = [];
  using line = stoppableLine();
  for await (const text of documentsOf(file, textField)) {
    for (const id of tokenizer.encode(text)) ids.push(id);
    ids.push((tokenizer.special ?? specialIds).end);
    line.show(`${ids.length} tokens read`);
  }
  const program = await engine.compile(languageModelGraph(config, batchSize), engineOptions);
  try {
    await writeTensors(program, tensors);
    const score = await scoreText(program, Int32Array.from(ids), {
      byteLength: (id) => tokenizer.byteLength(id),
      batchSize,
      seqLen: config.seqLen,
      vocabulary,
      onBatch: async (done) => {
        line.show(`${done} of ${ids.length} tokens predicted`);
        await nextTick();
      },
    });
    line.wipe();
    if (json) return print(JSON.stringify(score));
    const { perplexity, lossNats, bitsPerByte, tokens, unknownShare } = score;
    print(
      `perplexity ${perplexity.toFixed(2)}  (${lossNats.toFixed(4)} nats a token, ` +
        `${bitsPerByte.toFixed(4)} bits a byte, ${tokens} tokens predicted` +
        `${unknownShare > 0 ? `, ${(100 * unknownShare).toFixed(1)} % unknown to the model` : ""})`,
    );
  } finally {
    await program.dispose();
  }
}

/** A plain text is cut into documents at blank lines, as sources are; files of records have one a record. */
async function* documentsOf(file: string, textField: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let plain = "";
  const field = hasRecords(file) ? textField : undefined;
  for await (const batch of readTexts({ files: [file], textField: field, invalid: "error" })) {
    if (batch instanceof Uint8Array) plain += decoder.decode(batch, { stream: true });
    else yield* batch;
  }
  yield* plain.split(/\n[ \t\r]*\n\s*/).map((text) => text.trim()).filter((text) => text !== "");
}

/** Whether a file's name has an ending of data; what has none, or another (`README.md`), is plain text. */
function hasRecords(file: string): boolean {
  try {
    readerModule(file);
    return true;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

const examples = `
Examples:
  deno task pipeline generate continue/trim/random --prompt 'Once upon'
  deno task pipeline generate pretrain/spec-opt --source it --prompt '' --temperature 1 --top-k 50
  deno task pipeline generate pretrain/spec-opt --source auto --prompt 'Nel mezzo del cammin'
  deno task pipeline generate continue/trim/random --perplexity FILE`;
