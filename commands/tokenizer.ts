/**
 * The command line of tokenizers: `deno task tokenizer --help`. Exit codes: 0 done, 1 failed, 2 bad usage.
 */
import { reportFileLimit } from "../base/mod.ts";
import { type CommandLine, runCommand } from "./command_line.ts";
import { inOwnProcess, tokenizerToGuard } from "./own_process.ts";

export const tokenizer: CommandLine<void> = {
  name: "deno task tokenizer",
  description: "Trains unigram tokenizers; encodes and decodes with these and others.",
  commands: {
    "train": [
      "train a unigram tokenizer on files: text (a line a document), JSON lines, …",
      () => import("./tokenizer_train.ts"),
    ],
    "encode": [
      "text to ids, a line of ids for each line (or record) of text",
      () => import("./tokenizer_encode.ts"),
    ],
    "decode": ["ids to text, a text for each line of ids", () => import("./tokenizer_decode.ts")],
    "inspect": ["what a tokenizer makes of a text", () => import("./tokenizer_inspect.ts")],
  },
  expected: [RangeError, SyntaxError],
  unreadCode: 1,
  examples: `
Examples:
  deno task tokenizer train --input corpus.txt --vocab-size 8000 --output my-tokenizer
  deno task tokenizer encode --tokenizer my-tokenizer < text > ids
  deno task tokenizer encode --tokenizer spiece.model --exact-ties --pieces --input corpus.jsonl.gz
  deno task tokenizer decode --tokenizer my-tokenizer < ids
  deno task tokenizer inspect --tokenizer my-tokenizer --input corpus.txt

Exit codes: 0 done, 1 failed, 2 bad usage`,
};

if (import.meta.main) {
  reportFileLimit();
  const guarded = tokenizerToGuard(Deno.args);
  Deno.exit(
    guarded === undefined
      ? await runCommand(tokenizer, Deno.args, undefined)
      : await inOwnProcess(Deno.args, guarded),
  );
}
