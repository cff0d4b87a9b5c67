/**
 * `tokenizer train`: files to a unigram tokenizer.
 */
import { join } from "node:path";
import {
  saveConfigFiles,
  saveTokenizer,
  trainUnigram,
  unigramConfigOf,
  unigramDefaults,
} from "../../tokenizers/mod.ts";
import {
  saveSentencePiece,
  saveVocabulary,
  sentencePieceModelOf,
} from "../../tokenizers/sentencepiece/mod.ts";
import { UsageError } from "../base/mod.ts";
import { readTexts } from "./_text_input.ts";
import { wholeNumber } from "./tokenizer_encode.ts";

/** Options of the command, and any of the trainer's by its name. */
export interface TrainOptions extends Readonly<Record<string, unknown>> {
  readonly input: readonly string[];
  readonly output: string;
  readonly textField: string;
  readonly threads?: string;
  readonly sentencepiece?: boolean;
}

/** @throws UsageError for an option that does not fit, StageError for text that cannot fill the vocabulary */
export async function train(options: TrainOptions): Promise<void> {
  const overrides: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(unigramDefaults)) {
    if (options[field] !== undefined) overrides[field] = valueOf(field, options[field], value);
  }
  const config = unigramConfigOf(overrides, "options");
  const threads = options.threads === undefined
    ? undefined
    : wholeNumber("--threads", options.threads);
  const log = {
    info(message: string, fields: Readonly<Record<string, number>> = {}) {
      const shown = Object.entries(fields).map(([name, value]) =>
        ` ${name} ${+value.toPrecision(6)}`
      );
      console.error(message + shown.join(","));
    },
  };
  const tokenizer = await trainUnigram(documents(options), config, { log, threads });
  Deno.mkdirSync(options.output, { recursive: true });
  saveTokenizer(options.output, tokenizer);
  saveConfigFiles(options.output, tokenizer);
  if (options.sentencepiece) {
    const model = sentencePieceModelOf(tokenizer);
    saveSentencePiece(join(options.output, "tokenizer.model"), model);
    saveVocabulary(join(options.output, "tokenizer.vocab"), model);
  }
  console.error(`${tokenizer.vocabSize} pieces written to ${options.output}`);
}

async function* documents({ input, textField }: TrainOptions): AsyncGenerator<{ text: string }> {
  for await (const batch of readTexts({ files: input, textField, invalid: "error" })) {
    if (!(batch instanceof Uint8Array)) {
      for (const text of batch) yield { text };
      continue;
    }
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(batch);
    for (const line of (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n")) {
      yield { text: line };
    }
  }
}

/** What was typed, as the kind of value that the default is. */
function valueOf(field: string, typed: unknown, standard: unknown): unknown {
  if (typeof standard === "number") {
    const number = Number(typed);
    if (String(typed).trim() !== "" && Number.isFinite(number)) return number;
    throw new UsageError(`Cannot take ${field} "${typed}": expected a number`);
  }
  if (typeof standard !== "boolean") return typed;
  if (typed === "true" || typed === "false") return typed === "true";
  throw new UsageError(`Cannot take ${field} "${typed}": expected true or false`);
}
