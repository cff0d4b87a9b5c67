/**
 * `tokenizer train`: files to a unigram tokenizer.
 */
import { join } from "node:path";
import {
  saveConfigFiles,
  saveTokenizer,
  type TrainingLog,
  trainUnigram,
  type UnigramConfig,
  unigramConfigOf,
  unigramDefaults,
  type UnigramTokenizer,
} from "../tokenizers/mod.ts";
import {
  saveSentencePiece,
  saveVocabulary,
  sentencePieceModelOf,
} from "../tokenizers/sentencepiece/mod.ts";
import { decimalOf, UsageError } from "../base/mod.ts";
import type { CommandModule } from "./command_line.ts";
import { checkFolderToFill, fillFolder } from "./file_output.ts";
import { terminalLine } from "./reading_progress.ts";
import { checkFiles, linesOfText, readTexts } from "./text_input.ts";
import { optionName, trainingOptions } from "./tokenizer_options.ts";
import { workerCount } from "./option_values.ts";
import { printError } from "./screen.ts";

/** Options of the command, and any of the trainer's by its name. */
interface TrainOptions extends Readonly<Record<string, unknown>> {
  readonly input: readonly string[];
  readonly output: string;
  readonly textField: string;
  readonly threads?: string;
  readonly sentencepiece?: boolean;
}

export const command: CommandModule<void> = {
  declare(command) {
    command
      .requiredOption("-i, --input <files...>", "files to learn from, read in this order")
      .requiredOption("-o, --output <folder>", "where tokenizer.json is written")
      .option("--text-field <name>", "the text of a JSON record", "text")
      .option("--threads <n>", "workers; any number gives the same pieces (default: 1)")
      .option("--sentencepiece", "also write tokenizer.model and tokenizer.vocab");
    for (const [field, value] of Object.entries(unigramDefaults)) {
      const does = trainingOptions[field as keyof UnigramConfig];
      const [values, standard] = Array.isArray(value)
        ? ["<values...>", "none"]
        : ["<value>", value];
      command.option(`${optionName(field)} ${values}`, `${does} (default: ${standard})`);
    }
    command
      .addHelpText("after", examples);
  },
  act: (_, options: TrainOptions) => train(options),
};

/** @throws UsageError for an option that does not fit, StageError for text that cannot fill the vocabulary */
async function train(options: TrainOptions): Promise<void> {
  const overrides: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(unigramDefaults)) {
    if (options[field] !== undefined) overrides[field] = valueOf(field, options[field], value);
  }
  const config = configOf(overrides);
  const threads = options.threads === undefined
    ? undefined
    : workerCount("--threads", options.threads);
  const line = terminalLine();
  const log: TrainingLog = {
    info(message, fields = {}) {
      line.wipe();
      const shown = Object.entries(fields).map(([name, value]) =>
        ` ${name} ${+value.toPrecision(6)}`
      );
      printError(message + shown.join(","));
    },
    progress: ({ done, total, unit }) =>
      line.show(`${Math.floor(100 * done / total)} % of the ${unit}`),
  };
  checkFolderToFill(options.output);
  const totalBytes = Math.min(bytesOf(options.input), config.maxTextBytes);
  const tokenizer = await trainUnigram(documents(options), config, { log, threads, totalBytes });
  line.wipe();
  fillFolder(options.output, () => {
    saveTokenizer(options.output, tokenizer);
    saveConfigFiles(options.output, tokenizer);
    if (options.sentencepiece) saveAsSentencePiece(options.output, tokenizer);
  });
  printError(`${tokenizer.vocabSize} pieces written to ${options.output}`);
}

function saveAsSentencePiece(folder: string, tokenizer: UnigramTokenizer): void {
  const model = sentencePieceModelOf(tokenizer);
  saveSentencePiece(join(folder, "tokenizer.model"), model);
  const [first, ...more] = saveVocabulary(join(folder, "tokenizer.vocab"), model);
  if (first === undefined) return;
  printError(
    `warning: a line of tokenizer.vocab cannot hold control characters: ${first} and ${more.length} more pieces ` +
      "stand there with escapes; tokenizer.model has them as they are",
  );
}

/** The config of the trainer; errors name options as a user types them. */
function configOf(overrides: Readonly<Record<string, unknown>>): UnigramConfig {
  try {
    return unigramConfigOf(overrides, "options");
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    const message = cause.message.replace(/options\.(\w+)/, (_, field) => optionName(field));
    throw new UsageError(message, { cause });
  }
}

async function* documents({ input, textField }: TrainOptions): AsyncGenerator<{ text: string }> {
  for await (const batch of readTexts({ files: input, textField, invalid: "error" })) {
    for (const text of linesOfText(batch)) yield { text };
  }
}

/** Bytes of files, for progress. Compressed files hold more text than that; a pipe has no known size. */
function bytesOf(files: readonly string[]): number {
  checkFiles(files);
  return files.reduce((sum, path) => sum + (Deno.statSync(path).size || Infinity), 0);
}

/** The typed text as a value of the same type as the default. */
function valueOf(field: string, typed: unknown, standard: unknown): unknown {
  if (typeof standard === "number") {
    const number = decimalOf(String(typed));
    if (Number.isFinite(number)) return number;
    throw new UsageError(`Cannot take ${optionName(field)} "${typed}": expected a number`);
  }
  if (typeof standard !== "boolean") return typed;
  if (typed === "true" || typed === "false") return typed === "true";
  throw new UsageError(`Cannot take ${optionName(field)} "${typed}": expected true or false`);
}

const examples = `
Examples:
  deno task tokenizer train --input corpus.txt --output my-tokenizer --vocab-size 8000
  deno task tokenizer train -i a.jsonl b.jsonl.gz -o my-tokenizer --text-field body --threads 2
  deno task tokenizer train -i corpus.txt -o my-tokenizer --sentencepiece  also files of SentencePiece`;
