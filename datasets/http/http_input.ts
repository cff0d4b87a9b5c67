/**
 * A file over HTTP as a reader's input: ranges where they are asked for, nothing kept.
 */
import { basename } from "node:path";
import { StageError } from "../../base/mod.ts";
import { checkRange, type Input } from "../input.ts";
import { decoded, type HttpClient, shown } from "./http_client.ts";
import { probe, remoteBytes, type RemoteFile } from "./remote_file.ts";

/**
 * Opens the file of a URL. All reads are of its present state; a later state is refused.
 * @throws StageError when there is none, or its server tells no size or gives no ranges.
 */
export async function openHttp(url: string, client: HttpClient): Promise<Input> {
  const file = await probe(client, url);
  const { size = NaN } = file;
  if (!Number.isSafeInteger(size) || !file.hasRanges && size > 0) {
    const missing = Number.isSafeInteger(size) ? "ranges" : "size";
    throw new StageError(
      `Cannot read ${
        shown(url)
      } in place: expected a server that gives ranges, found no ${missing}; fetch it whole first`,
    );
  }
  return new HttpInput(client, file, size);
}

class HttpInput implements Input {
  readonly name: string;
  readonly #client: HttpClient;
  readonly #file: RemoteFile;

  constructor(client: HttpClient, file: RemoteFile, readonly size: number) {
    this.name = basename(decoded(new URL(file.url).pathname));
    this.#client = client;
    this.#file = file;
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this, offset, length);
    const bytes = new Uint8Array(length);
    let at = 0;
    for await (const chunk of remoteBytes(this.#client, this.#file, offset, offset + length)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  stream(from = 0): AsyncIterable<Uint8Array> {
    checkRange(this, from, this.size - from);
    return remoteBytes(this.#client, this.#file, from);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
