/**
 * `tokenizer decode`: ids to text.
 */
import { addTokenizerOption } from "./tokenizer_options.ts";
import type { CommandModule } from "./command_line.ts";
import { openTokenizer } from "../tokenizers/mod.ts";
import { StageError, writeAll } from "../base/mod.ts";
import { isOnTerminal, openOutput } from "./file_output.ts";
import { withProgress } from "./reading_progress.ts";
import { linesOfText, readTexts } from "./text_input.ts";

interface DecodeOptions {
  readonly tokenizer: string;
  readonly input?: readonly string[];
  readonly output?: string;
}

export const command: CommandModule<void> = {
  declare: (command) =>
    addTokenizerOption(command)
      .option(
        "-i, --input <files...>",
        "instead of standard input: ids as encode writes them, also .gz",
      )
      .option("-o, --output <file>", "instead of standard output")
      .addHelpText("after", examples),
  act: (_, options: DecodeOptions) => decode(options),
};

/** @throws StageError for a bad tokenizer, with the line and place of what is no id */
async function decode(options: DecodeOptions): Promise<void> {
  using tokenizer = await openTokenizer(options.tokenizer);
  using output = openOutput(options.output);
  let number = 0;
  const input = { files: options.input, textField: undefined, invalid: "error" } as const;
  for await (const batch of withProgress(readTexts(input), isOnTerminal(options.output))) {
    const texts = linesOfText(batch).map((line) => {
      number++;
      const words = line.split(/[ \t\r]+/).filter((word) => word !== "");
      const ids = words.map((word, i) => {
        const id = /^[0-9]+$/.test(word) ? Number(word) : -1;
        if (id >= 0 && id < tokenizer.vocabSize) return id;
        throw new StageError(
          `Cannot decode line ${number}, number ${i + 1}: expected an id from 0 to ${
            tokenizer.vocabSize - 1
          }, found "${word.slice(0, 40)}"`,
        );
      });
      return tokenizer.decode(ids) + "\n";
    });
    writeAll(output, texts.join(""));
  }
  output.finish();
}

const examples = `
Examples:
  deno task tokenizer decode --tokenizer my-tokenizer < ids
  deno task tokenizer decode -t my-tokenizer -i ids.gz -o text.txt`;
