/**
 * The command line of tokenizers: `deno task tokenizer --help`. Commands are loaded when they are called.
 */
import { unigramDefaults } from "../tokenizers/mod.ts";
import { messageOf, StageError, UsageError } from "../base/mod.ts";
import { optionName, trainingOptions } from "./training_options.ts";

/** Runs a command line and returns the exit code: 0 done, 1 failed, 2 bad usage. */
export async function runTokenizerCommand(args: readonly string[]): Promise<number> {
  const { Command, CommanderError } = await import("commander");
  const program = new Command("deno task tokenizer")
    .description("Trains unigram tokenizers; encodes and decodes with these and others.")
    .exitOverride()
    .showHelpAfterError("(--help says what there is)")
    .helpCommand(false)
    .addHelpText("after", examples);

  const train = program.command("train")
    .description("train a unigram tokenizer on files: text (a line a document), JSON lines, …")
    .requiredOption("-i, --input <files...>", "files to learn from, read in this order")
    .requiredOption("-o, --output <folder>", "where tokenizer.json is written")
    .option("--text-field <name>", "the text of a JSON record", "text")
    .option("--threads <n>", "workers; any number gives the same pieces (default: 1)")
    .option("--sentencepiece", "also write tokenizer.model and tokenizer.vocab")
    .option("-v, --verbose", "print stacks of errors");
  for (const [name, does] of Object.entries(trainingOptions)) {
    const field = name as keyof typeof trainingOptions;
    const value = unigramDefaults[field];
    const isList = Array.isArray(value);
    train.option(
      `${optionName(field)} <value${isList ? "s..." : ""}>`,
      `${does} (default: ${isList ? "none" : value})`,
    );
  }
  train.action(async (options) => await (await import("./tokenizer_train.ts")).train(options));

  const withTokenizer = (name: string, description: string) =>
    program.command(name)
      .description(description)
      .requiredOption("-t, --tokenizer <path>", "folder, tokenizer.json, or SentencePiece .model")
      .option("-v, --verbose", "print stacks of errors");
  withTokenizer("encode", "text to ids, a line of ids for each line (or record) of text")
    .option("-i, --input <files...>", "instead of standard input: text, JSON lines, …, also .gz")
    .option("-o, --output <file>", "instead of standard output")
    .option("--pieces", "the same as --format pieces")
    .option("-f, --format <format>", "ids, pieces, json or arrow", "ids")
    .option("--threads <n>", "workers", "1")
    .option(
      "--offsets",
      "with --format json: what each piece stands for, in UTF-16 units of the text",
    )
    .option("--exact-ties", "ids of a SentencePiece model equal SentencePiece's to the last one")
    .option("--invalid <what>", "bytes that are not UTF-8: error, or replace by U+FFFD", "error")
    .option("--text-field <name>", "the text of a JSON record", "text")
    .action(async (options) => await (await import("./tokenizer_encode.ts")).encode(options));
  withTokenizer("decode", "ids to text, a text for each line of ids")
    .option(
      "-i, --input <files...>",
      "instead of standard input: ids as encode writes them, also .gz",
    )
    .option("-o, --output <file>", "instead of standard output")
    .action(async (options) => await (await import("./tokenizer_decode.ts")).decode(options));
  withTokenizer("inspect", "what a tokenizer makes of a text")
    .option("-i, --input <files...>", "instead of standard input: text, JSON lines, …, also .gz")
    .option("--text-field <name>", "the text of a JSON record", "text")
    .option("--json", "print one JSON object")
    .action(async (options) => await (await import("./tokenizer_inspect.ts")).inspect(options));

  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has said why
    if (error instanceof Deno.errors.BrokenPipe) return 1; // whoever reads has enough
    const isVerbose = args.includes("--verbose") || args.includes("-v");
    const isExpected = error instanceof UsageError || error instanceof StageError ||
      error instanceof RangeError || error instanceof SyntaxError;
    const stack = error instanceof Error ? error.stack : undefined;
    console.error(
      `error: ${isVerbose || !isExpected ? stack ?? messageOf(error) : messageOf(error)}`,
    );
    return error instanceof UsageError ? 2 : 1;
  }
}

const examples = `
Examples:
  deno task tokenizer train --input corpus.txt --vocab-size 8000 --output my-tokenizer
  deno task tokenizer encode --tokenizer my-tokenizer < text > ids
  deno task tokenizer encode --tokenizer spiece.model --exact-ties --pieces --input corpus.jsonl.gz
  deno task tokenizer decode --tokenizer my-tokenizer < ids
  deno task tokenizer inspect --tokenizer my-tokenizer --input corpus.txt

Exit codes: 0 done, 1 failed, 2 bad usage`;

if (import.meta.main) Deno.exit(await runTokenizerCommand(Deno.args));
