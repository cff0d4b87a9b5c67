/**
 * Text for the tokenizer's commands: standard input and text files a line a text, other files a record a text; text may be
 * compressed (`.gz`, `.zst`).
 */
import {
  bytesOf,
  type DocumentReader,
  type Input,
  openLocal,
  readerDefaults,
  readerModule,
} from "../datasets/mod.ts";
import { invalidUtf8At, textOfUtf8 } from "../tokenizers/mod.ts";
import { formatBytes, messageOf, StageError } from "../base/mod.ts";

/** Texts to encode: whole lines of UTF-8, or texts. */
export type TextBatch = Uint8Array<ArrayBuffer> | readonly string[];

export interface TextInputOptions {
  /** None: standard input. */
  readonly files: readonly string[] | undefined;
  /** Where the text of a record is; undefined: every file is lines of text, whatever its name. */
  readonly textField: string | undefined;
  readonly invalid: "error" | "replace";
  /** Added to an error about bytes that are not UTF-8. */
  readonly wayOut?: string;
}

const batchBytes = 1 << 20;
/** Lines are held whole, and a pipe or a device may never end one. */
const mostLineBytes = 2 ** 30;
const lineFeed = 0x0a;

/**
 * Texts in the order of the files. Lines are text where a name ends in `.txt` or has no ending (`/dev/fd/63`).
 *
 * @throws StageError for a file that cannot be read, with the offset of bytes that are not UTF-8
 */
export async function* readTexts(options: TextInputOptions): AsyncGenerator<TextBatch> {
  const { files, textField } = options;
  if (files === undefined) {
    yield* lines(bytesOf(pipe("standard input", Deno.stdin.readable)), "standard input", options);
    return;
  }
  checkFiles(files);
  for (const path of files) {
    const [, ending = "", packing = ""] = /(\.[^./]+)?(\.gz|\.zst)?$/.exec(path)!;
    if (textField !== undefined && ending !== ".txt" && ending + packing !== "") {
      yield* records(path, textField);
    } else yield* lines(bytesOfFile(path), path, options);
  }
}

/** The texts of a batch. Each byte that is not UTF-8 is U+FFFD. */
export function linesOfText(batch: TextBatch): readonly string[] {
  if (!(batch instanceof Uint8Array)) return batch;
  if (batch.length === 0) return [];
  const text = textOfUtf8(batch, "replace");
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

/** Checks files before the first is read. @throws StageError if one is missing or is a folder */
export function checkFiles(files: readonly string[]): void {
  for (const path of files) {
    let found = "a folder";
    try {
      if (!Deno.statSync(path).isDirectory) continue;
    } catch (error) {
      found = error instanceof Deno.errors.NotFound ? "nothing there" : messageOf(error);
    }
    throw new StageError(`Cannot read "${path}": expected a file, found ${found}`);
  }
}

async function* records(path: string, textField: string): AsyncGenerator<string[]> {
  const { reader } = await import(readerModule(path)) as { reader: DocumentReader };
  let batch: string[] = [];
  let size = 0;
  try {
    for await (const { text } of reader.read(path, { ...readerDefaults, textField })) {
      batch.push(text);
      size += text.length;
      if (size < batchBytes) continue;
      yield batch;
      [batch, size] = [[], 0];
    }
  } catch (cause) {
    if (!(cause instanceof StageError)) throw cause;
    // What the readers propose is for recipes.
    const message = cause.message.replace(/; set documents\.badRows .*$/, "");
    const isField = message.includes(`"${textField}"`);
    throw new StageError(isField ? `${message} (--text-field says where the text is)` : message, {
      cause,
    });
  }
  if (batch.length > 0) yield batch;
}

/** Batches that end where lines do; the last line may lack its line feed. */
async function* lines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  { invalid, wayOut = "" }: TextInputOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const quoted = name === "standard input" ? name : `"${name}"`;
  let held = new Uint8Array(2 * batchBytes);
  let length = 0;
  let end = 0; // of the last line that is whole
  let offset = 0;
  const take = (end: number): Uint8Array<ArrayBuffer> => {
    const batch = held.slice(0, end);
    const at = invalid === "error" ? invalidUtf8At(batch) : -1;
    if (at >= 0) {
      const found = Array.from(batch.subarray(at, at + 4), (b) => b.toString(16).padStart(2, "0"));
      throw new StageError(
        `Cannot read ${quoted}: expected UTF-8, found the bytes ${found.join(" ")} at offset ${
          offset + at
        }${wayOut}`,
      );
    }
    // As in data, a byte order mark at the start is no text.
    const start = offset === 0 && hasMark(batch) ? 3 : 0;
    held.copyWithin(0, end, length);
    length -= end;
    offset += end;
    return batch.subarray(start);
  };
  try {
    for await (const chunk of chunks) {
      if (length - end + chunk.length > mostLineBytes) {
        throw new StageError(
          `Cannot read ${quoted}: expected lines of at most ${
            formatBytes(mostLineBytes)
          }, found a longer one`,
        );
      }
      if (length + chunk.length > held.length) {
        const larger = new Uint8Array(2 * (length + chunk.length));
        larger.set(held.subarray(0, length));
        held = larger;
      }
      held.set(chunk, length);
      const last = chunk.lastIndexOf(lineFeed) + 1;
      if (last > 0) end = length + last;
      length += chunk.length;
      if (length < batchBytes || end === 0) continue;
      yield take(end);
      end = 0;
    }
  } catch (cause) {
    if (cause instanceof StageError) throw cause;
    throw new StageError(`Cannot read ${quoted}: ${messageOf(cause)}`, { cause });
  }
  if (length > 0) yield take(length);
}

function hasMark([first, second, third]: Uint8Array): boolean {
  return first === 0xef && second === 0xbb && third === 0xbf;
}

/** The bytes of a file as readers of data take them, unpacked; or of a pipe (`<(…)`). */
async function* bytesOfFile(path: string): AsyncGenerator<Uint8Array> {
  await using input = Deno.statSync(path).isFile
    ? await openLocal(path, path)
    : pipe(path, Deno.openSync(path).readable);
  yield* bytesOf(input);
}

/** A pipe is read once, from its start. */
function pipe(name: string, readable: ReadableStream<Uint8Array>): Input {
  return {
    name,
    size: 0,
    read() {
      throw new StageError(`Cannot read "${name}": expected a file, found a pipe`);
    },
    stream: () => readable,
    [Symbol.asyncDispose]: () => readable.cancel(),
  };
}
