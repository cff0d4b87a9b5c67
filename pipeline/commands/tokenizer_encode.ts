/**
 * `tokenizer encode`: text to ids.
 */
import {
  arrowStream,
  type EncodeAnswer,
  EncodePool,
  type EncodeRequest,
  type LineFormat,
  lineFormats,
} from "../../tokenizers/parallel/mod.ts";
import type { EncodedLines } from "../../tokenizers/mod.ts";
import { UsageError } from "../base/mod.ts";
import { readTexts, type TextInputOptions } from "./_text_input.ts";

export interface EncodeOptions {
  readonly tokenizer: string;
  readonly input?: readonly string[];
  readonly output?: string;
  readonly pieces?: boolean;
  readonly format: string;
  readonly threads: string;
  readonly exactTies?: boolean;
  readonly invalid: string;
  readonly textField: string;
}

/** @throws UsageError for an option that does not fit, StageError for a bad tokenizer or text */
export async function encode(options: EncodeOptions): Promise<void> {
  const format = options.pieces ? "pieces" : options.format;
  if (format !== "arrow" && !(lineFormats as readonly string[]).includes(format)) {
    throw new UsageError(
      `Cannot write format "${format}": expected one of ${lineFormats.join(", ")}, arrow`,
    );
  }
  const { invalid } = options;
  if (invalid !== "error" && invalid !== "replace") {
    throw new UsageError(`Cannot take --invalid ${invalid}: expected error or replace`);
  }
  const threads = wholeNumber("--threads", options.threads);
  const exactTies = options.exactTies === true;
  using pool = await EncodePool.open(options.tokenizer, { threads, exactTies });
  using output = openOutput(options.output);
  const answers = pool.encode(
    requests(
      { files: options.input, textField: options.textField, invalid },
      format === "arrow" ? undefined : format as LineFormat,
    ),
  );
  if (format !== "arrow") { for await (const { text } of answers) await writeAll(output, text!); }
  else {
    for await (const chunk of arrowStream(linesOf(answers))) await writeAll(output, chunk);
  }
  output.finish();
}

/** @throws UsageError unless `text` is a whole number of 1 or more */
export function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new UsageError(`Cannot take ${option} ${text}: expected a whole number of 1 or more`);
}

async function* requests(
  input: TextInputOptions,
  format: LineFormat | undefined,
): AsyncGenerator<EncodeRequest> {
  for await (const texts of readTexts(input)) {
    yield { input: texts, invalid: input.invalid, format };
  }
}

async function* linesOf(answers: AsyncIterable<EncodeAnswer>): AsyncGenerator<EncodedLines> {
  for await (const { lines } of answers) yield lines!;
}

interface Output extends Disposable {
  write(bytes: Uint8Array): Promise<number>;
  /** Nothing more comes: a file gets its name. */
  finish(): void;
}

function openOutput(path: string | undefined): Output {
  if (path === undefined) {
    return {
      write: (bytes) => Deno.stdout.write(bytes),
      finish: () => {},
      [Symbol.dispose]: () => {},
    };
  }
  const part = `${path}.part`;
  const file = Deno.openSync(part, { write: true, create: true, truncate: true });
  let isWhole = false;
  return {
    write: (bytes) => file.write(bytes),
    finish: () => isWhole = true,
    [Symbol.dispose]() {
      file.close();
      if (isWhole) Deno.renameSync(part, path);
      else Deno.removeSync(part);
    },
  };
}

async function writeAll(output: Output, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await output.write(bytes.subarray(at));
}
