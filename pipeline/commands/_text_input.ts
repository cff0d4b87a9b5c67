/**
 * Text for the tokenizer's commands: standard input and text files a line a text, other files a record a text.
 */
import { basename } from "node:path";
import { createGunzip } from "node:zlib";
import { createReadStream } from "node:fs";
import { type DocumentReader, readerDefaults, readerModule } from "../../datasets/mod.ts";
import { invalidUtf8At } from "../../tokenizers/mod.ts";
import { messageOf, StageError } from "../base/mod.ts";

/** Texts to encode: whole lines of UTF-8, or texts. */
export type TextBatch = Uint8Array<ArrayBuffer> | readonly string[];

export interface TextInputOptions {
  /** None: standard input. */
  readonly files: readonly string[] | undefined;
  readonly textField: string;
  readonly invalid: "error" | "replace";
}

const batchBytes = 1 << 20;
const lineFeed = 0x0a;

/** @throws StageError for a file that cannot be read, with the offset of bytes that are not UTF-8 */
export async function* readTexts(
  { files, textField, invalid }: TextInputOptions,
): AsyncGenerator<TextBatch> {
  if (files === undefined) {
    yield* lines(chunksOf(Deno.stdin), "standard input", invalid);
    return;
  }
  for (const path of files) {
    if (/\.txt$/.test(path)) yield* lines(openFile(path), basename(path), invalid);
    else if (/\.txt\.gz$/.test(path)) yield* lines(gunzipped(path), basename(path), invalid);
    else yield* records(path, textField);
  }
}

async function* records(path: string, textField: string): AsyncGenerator<string[]> {
  const { reader } = await import(readerModule(path)) as { reader: DocumentReader };
  let batch: string[] = [];
  let size = 0;
  for await (const { text } of reader.read(path, { ...readerDefaults, textField })) {
    batch.push(text);
    size += text.length;
    if (size < batchBytes) continue;
    yield batch;
    [batch, size] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

/** Batches that end where lines do; the last line may lack its line feed. */
async function* lines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  invalid: "error" | "replace",
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let held = new Uint8Array(2 * batchBytes);
  let length = 0;
  let offset = 0;
  const take = (end: number): Uint8Array<ArrayBuffer> => {
    const batch = held.slice(0, end);
    const at = invalid === "error" ? invalidUtf8At(batch) : -1;
    if (at >= 0) {
      const found = Array.from(batch.subarray(at, at + 4), (b) => b.toString(16).padStart(2, "0"));
      throw new StageError(
        `Cannot encode ${name}: expected UTF-8, found the bytes ${found.join(" ")} at offset ${
          offset + at
        } ` + `(--invalid replace reads each bad byte as U+FFFD)`,
      );
    }
    held.copyWithin(0, end, length);
    length -= end;
    offset += end;
    return batch;
  };
  try {
    for await (const chunk of chunks) {
      if (length + chunk.length > held.length) {
        const larger = new Uint8Array(2 * (length + chunk.length));
        larger.set(held.subarray(0, length));
        held = larger;
      }
      held.set(chunk, length);
      length += chunk.length;
      if (length < batchBytes) continue;
      const end = held.subarray(0, length).lastIndexOf(lineFeed) + 1;
      if (end > 0) yield take(end);
    }
  } catch (cause) {
    if (cause instanceof StageError) throw cause;
    throw new StageError(`Cannot read "${name}": ${messageOf(cause)}`, { cause });
  }
  if (length > 0) yield take(length);
}

async function* openFile(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  yield* chunksOf(file);
}

async function* chunksOf(
  file: { read(buffer: Uint8Array): Promise<number | null> },
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(batchBytes);
  for (let read = await file.read(buffer); read !== null; read = await file.read(buffer)) {
    yield buffer.subarray(0, read);
  }
}

async function* gunzipped(path: string): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path);
  const text = createGunzip();
  file.on("error", (error) => text.destroy(error));
  yield* file.pipe(text);
}
