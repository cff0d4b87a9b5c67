/**
 * `tokenizer encode`: text to ids.
 */
import { addTokenizerOption } from "./tokenizer_options.ts";
import type { CommandModule } from "./command_line.ts";
import {
  arrowStream,
  type EncodeAnswer,
  EncodePool,
  type EncodeRequest,
  joinTexts,
  type LineFormat,
  lineFormats,
} from "../tokenizers/parallel/mod.ts";
import { type EncodedLines, openTokenizer } from "../tokenizers/mod.ts";
import { UsageError, writeAll } from "../base/mod.ts";
import { isOnTerminal, openOutput } from "./file_output.ts";
import { oneOf, workerCount } from "./option_values.ts";
import { outputFormat } from "./output_format.ts";
import { withProgress } from "./reading_progress.ts";
import { linesOfText, readTexts, type TextBatch, type TextInputOptions } from "./text_input.ts";

interface EncodeOptions {
  readonly tokenizer: string;
  readonly input?: readonly string[];
  readonly output?: string;
  readonly pieces?: boolean;
  readonly format?: string;
  readonly threads: string;
  readonly exactTies?: boolean;
  readonly offsets?: boolean;
  readonly invalid: string;
  readonly textField: string;
}

export const command: CommandModule<void> = {
  declare: (command) =>
    addTokenizerOption(command)
      .option("-i, --input <files...>", "instead of standard input: text, JSON lines, …, also .gz")
      .option("-o, --output <file>", "instead of standard output")
      .option("--pieces", "the same as --format pieces")
      .option(
        "-f, --format <format>",
        "ids, pieces, json or arrow (default: as the output's name ends, else ids)",
      )
      .option("--threads <n>", "workers", "1")
      .option(
        "--offsets",
        "with --format json: what each piece stands for, in UTF-16 units of the text",
      )
      .option("--exact-ties", "ids of a SentencePiece model equal SentencePiece's to the last one")
      .option("--invalid <what>", "bytes that are not UTF-8: error, or replace by U+FFFD", "error")
      .option("--text-field <name>", "the text of a JSON record", "text")
      .addHelpText(
        "after",
        examples,
      ),
  act: (_, options: EncodeOptions) => encode(options),
};

/** @throws UsageError for an option that does not fit, StageError for a bad tokenizer or text */
async function encode(options: EncodeOptions): Promise<void> {
  const format = outputFormat(outputs, { ...options, format: lineFormatOf(options) });
  const invalid = oneOf(["error", "replace"], "take --invalid", options.invalid);
  const threads = workerCount("--threads", options.threads);
  const exactTies = options.exactTies === true;
  const input = {
    files: options.input,
    textField: options.textField,
    invalid,
    wayOut: " (--invalid replace reads each bad byte as U+FFFD)",
  } as const;
  if (options.offsets) {
    if (format !== "json") {
      throw new UsageError(`Cannot give offsets as ${format}: expected --format json`);
    }
    return await encodeWithOffsets(options, input);
  }
  using pool = await EncodePool.open(options.tokenizer, { threads, exactTies });
  using output = openOutput(options.output, format === "arrow");
  const texts = withProgress(readTexts(input), isOnTerminal(options.output));
  const answers = pool.encode(
    requests(texts, invalid, format === "arrow" ? undefined : format),
  );
  if (format !== "arrow") { for await (const { text } of answers) writeAll(output, text!); }
  else for await (const chunk of arrowStream(linesOf(answers))) writeAll(output, chunk);
  output.finish();
}

const outputs = {
  act: "write format",
  formats: [...lineFormats, "arrow"],
  endings: { ".jsonl": "json", ".ndjson": "json", ".arrow": "arrow", ".feather": "arrow" },
  others: /\.(parquet|[ct]sv|gz|zst)$/,
} as const;

/** @throws UsageError for `--pieces` beside another format */
function lineFormatOf({ pieces, format }: EncodeOptions): string | undefined {
  if (!pieces || format === "pieces") return format;
  if (format === undefined) return "pieces";
  throw new UsageError(`Cannot write --pieces as ${format}: expected one format, found two`);
}

/** As `--format json`, with `starts` and `ends` of what each piece stands for in the text, in UTF-16 units. */
async function encodeWithOffsets(
  { tokenizer: path, output: target, exactTies }: EncodeOptions,
  input: TextInputOptions,
): Promise<void> {
  using tokenizer = await openTokenizer(path, { exactTies });
  using output = openOutput(target);
  for await (const batch of withProgress(readTexts(input), isOnTerminal(target))) {
    const written = linesOfText(batch).map((text) => {
      const { ids, starts, ends } = tokenizer.encodeWithOffsets(text);
      const pieces = Array.from(ids, (id) => tokenizer.piece(id));
      return JSON.stringify({ ids: [...ids], pieces, starts: [...starts], ends: [...ends] }) + "\n";
    });
    writeAll(output, written.join(""));
  }
  output.finish();
}

async function* requests(
  texts: AsyncIterable<TextBatch>,
  invalid: "error" | "replace",
  format: LineFormat | undefined,
): AsyncGenerator<EncodeRequest> {
  for await (const batch of texts) {
    yield { input: batch instanceof Uint8Array ? batch : joinTexts(batch), invalid, format };
  }
}

async function* linesOf(answers: AsyncIterable<EncodeAnswer>): AsyncGenerator<EncodedLines> {
  for await (const { lines } of answers) yield lines!;
}

const examples = `
Examples:
  deno task tokenizer encode --tokenizer my-tokenizer < text > ids
  deno task tokenizer encode -t my-tokenizer -i corpus.jsonl.gz -o ids.arrow --threads 2
  deno task tokenizer encode -t spiece.model --exact-ties --pieces -i corpus.txt  pieces, as SentencePiece cuts them`;
