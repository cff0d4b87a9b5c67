/**
 * Bytes of a file, wherever it lies: what readers read from.
 *
 * Implementations: `openLocal` here; files over HTTP in `http/`.
 */
import { basename } from "node:path";
import { messageOf, readFully, StageError } from "../base/mod.ts";

/** An open file. Ranges and streams may be read at the same time. */
export interface Input extends AsyncDisposable {
  /** Base name: errors and ids of documents begin with it, and its ending tells the format. No path of this machine. */
  readonly name: string;
  /** In bytes, as stored. */
  readonly size: number;
  /**
   * Bytes [offset, offset + length), in their own buffer.
   * @throws StageError when the range is not inside the file or cannot be read.
   */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Bytes from `from` (default 0) to the end, in chunks of any size except 0. A chunk is valid until the next is asked for.
   * @throws StageError when they cannot be read.
   */
  stream(from?: number): AsyncIterable<Uint8Array>;
}

/** A file to read: a path of this machine, or an open input, which its opener closes. */
export type InputOrPath = string | Input;

const chunkBytes = 512 * 1024;

/**
 * Opens a file of this machine.
 * @param name what it is called in messages and ids, where its place is not its name: a copy in a cache
 * @throws StageError when there is none, or it is a folder, a pipe or a device.
 */
export async function openLocal(path: string, name = basename(path)): Promise<Input> {
  try {
    // Before it is opened: to open a pipe waits for its writer.
    const info = await Deno.stat(path);
    if (!info.isFile) {
      const found = info.isDirectory ? "a folder" : "a pipe or device";
      throw new StageError(`Cannot read "${name}": expected a file, found ${found}`);
    }
    return new LocalInput(path, name, info.size, await Deno.open(path));
  } catch (cause) {
    if (cause instanceof StageError) throw cause;
    throw failure(name, cause);
  }
}

/** Opens the path, or counts what is read of an input; `using` closes only what was opened here. */
export async function inputOf(source: InputOrPath): Promise<CountedInput> {
  return typeof source === "string"
    ? new CountedInput(await openLocal(source), true)
    : new CountedInput(source, false);
}

/** An input that counts the bytes, as stored, that have been read of it. */
export class CountedInput implements Input {
  bytesRead = 0;
  readonly name: string;
  readonly size: number;
  readonly #input: Input;
  readonly #closes: boolean;

  constructor(input: Input, closes: boolean) {
    this.name = input.name;
    this.size = input.size;
    this.#input = input;
    this.#closes = closes;
  }

  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    this.bytesRead += length;
    return this.#input.read(offset, length);
  }

  async *stream(from = 0): AsyncGenerator<Uint8Array> {
    this.bytesRead = from;
    for await (const chunk of this.#input.stream(from)) {
      this.bytesRead += chunk.length;
      yield chunk;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closes) await this.#input[Symbol.asyncDispose]();
  }
}

class LocalInput implements Input {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  constructor(path: string, readonly name: string, readonly size: number, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  // deno-lint-ignore require-await
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this, offset, length);
    const bytes = new Uint8Array(length);
    // Synchronous: seek and read belong together, and readers wait for the bytes anyway.
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    const found = readFully(this.#file, bytes);
    if (found < length) {
      throw new StageError(
        `Cannot read "${this.name}": expected ${length} bytes at offset ${offset}, ` +
          `found ${found}; it has become shorter`,
      );
    }
    return bytes;
  }

  async *stream(from = 0): AsyncGenerator<Uint8Array> {
    // A file of its own: a stream's place must not move with `read`.
    using file = await Deno.open(this.#path);
    if (from > 0) file.seekSync(from, Deno.SeekMode.Start);
    let [buffer, other] = [new Uint8Array(chunkBytes), new Uint8Array(chunkBytes)];
    const ahead = () => {
      const read = this.#next(file, buffer);
      read.catch(() => {}); // it is thrown where it is awaited
      return read;
    };
    let next = ahead();
    try {
      for (let read = await next; read !== null; read = await next) {
        const chunk = buffer.subarray(0, read);
        [buffer, other] = [other, buffer];
        next = ahead(); // while the chunk is worked on
        yield chunk;
      }
    } finally {
      await next.catch(() => {}); // the file stays open as long as it is read
    }
  }

  async #next(file: Deno.FsFile, buffer: Uint8Array): Promise<number | null> {
    try {
      return await file.read(buffer);
    } catch (cause) {
      throw failure(this.name, cause);
    }
  }

  // deno-lint-ignore require-await
  async [Symbol.asyncDispose](): Promise<void> {
    this.#file.close();
  }
}

/** The check that `read` of every input makes. @throws StageError when the range is not inside the file. */
export function checkRange(
  { name, size }: Pick<Input, "name" | "size">,
  offset: number,
  length: number,
): void {
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
  if (isCount(offset) && isCount(length) && offset + length <= size) return;
  throw new StageError(
    `Cannot read "${name}": expected a range inside its ${size} bytes, ` +
      `found ${length} bytes at offset ${offset}`,
  );
}

function failure(name: string, cause: unknown): StageError {
  const found = cause instanceof Deno.errors.NotFound
    ? "expected a file, found nothing there"
    : `expected a readable file, found "${messageOf(cause)}"`;
  return new StageError(`Cannot read "${name}": ${found}`, { cause });
}
