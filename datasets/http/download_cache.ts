/**
 * Files over HTTP kept in a folder, one for each URL and ETag.
 *
 *   <folder>/<digest of the URL>/
 *     entry.json     {format: 1, url, validator, size, sha256, file}: the whole file that was fetched last
 *     <digest>.data  its bytes, named after the validator
 *     <digest>.part  the bytes so far of a file that is being fetched
 *     lock           held by the process that fetches: others wait for it and find the file
 *
 * A killed transfer goes on where it stood, provided that the server still has the same ETag. Files appear by rename, after
 * their length and, where known, their SHA-256 have been checked.
 */
import { join } from "node:path";
import {
  formatBytes,
  messageOf,
  sha256,
  sha256OfFile,
  StageError,
  writeAll,
  writeFileAtomic,
} from "../../base/mod.ts";
import { keptRecord } from "../json_file.ts";
import { type HttpClient, shown } from "./http_client.ts";
import { mostDownloadBytes, mostUnsizedBytes } from "./http_options.ts";
import { ChangedError, probe, remoteBytes, type RemoteFile } from "./remote_file.ts";

/** A file that changes while it is fetched is fetched again this often. */
const maxRestarts = 3;

export interface CachedFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export interface DownloadWishes {
  /** The digest that the bytes must have; a copy with it is taken without asking the server. */
  readonly sha256?: string;
  readonly size?: number;
  /** The URL names bytes that never change: a copy is taken without asking the server. */
  readonly isImmutable?: boolean;
  /** Called as bytes come. */
  onProgress?(done: number, total: number | undefined): void;
  /** Called when the server does not say whether the copy is still current. */
  onStale?(reason: string): void;
}

interface Entry extends RemoteEntry {
  readonly format: 1;
  /** Without what follows `?`. */
  readonly url: string;
  /** Base name of the data. */
  readonly file: string;
}

interface RemoteEntry {
  readonly validator: string | null;
  readonly size: number;
  readonly sha256: string;
}

export class DownloadCache {
  readonly #folder: string;
  readonly #client: HttpClient;

  constructor(folder: string, client: HttpClient) {
    this.#folder = folder;
    this.#client = client;
  }

  /**
   * The file of a URL, from the cache when it is there.
   * @throws StageError when it cannot be fetched, or differs from what `wishes` demands.
   */
  async fetch(url: string, wishes: DownloadWishes = {}): Promise<CachedFile> {
    const folder = join(this.#folder, sha256(url).slice(0, 40));
    Deno.mkdirSync(folder, { recursive: true });
    using lock = Deno.openSync(join(folder, "lock"), { create: true, write: true });
    await lock.lock(true);
    const entry = keptRecord<Entry>(join(folder, "entry.json"));
    const cached = entry === undefined ? undefined : cachedFile(folder, entry);
    if (cached !== undefined) {
      if (wishes.sha256 === cached.sha256) return cached;
      if (wishes.sha256 === undefined && wishes.isImmutable) return cached;
    }
    let file: RemoteFile;
    try {
      file = await probe(this.#client, url);
    } catch (error) {
      if (cached === undefined || wishes.sha256 !== undefined || !(error instanceof StageError)) {
        throw error;
      }
      wishes.onStale?.(messageOf(error));
      return cached;
    }
    const isSame = entry?.validator !== null && entry?.validator === file.validator;
    if (cached !== undefined && isSame && wishes.sha256 === undefined) return cached;
    return await this.#download(folder, file, wishes);
  }

  async #download(folder: string, first: RemoteFile, wishes: DownloadWishes): Promise<CachedFile> {
    let file = first;
    for (let restarts = 0;; restarts++) {
      try {
        return await this.#attempt(folder, file, wishes);
      } catch (error) {
        if (!(error instanceof ChangedError) || restarts === maxRestarts) throw error;
        file = await probe(this.#client, file.url);
      }
    }
  }

  async #attempt(
    folder: string,
    file: RemoteFile,
    { size, sha256: expected, onProgress }: DownloadWishes,
  ): Promise<CachedFile> {
    if (size !== undefined && file.size !== undefined && size !== file.size) {
      throw new StageError(
        `Cannot fetch ${shown(file.url)}: expected ${size} bytes, found ${file.size}`,
      );
    }
    const most = this.#client.options.maxDownloadBytes ??
      (file.size === undefined ? mostUnsizedBytes : mostDownloadBytes);
    if (file.size !== undefined && file.size > most) throw tooLong(file, most);
    const stem = sha256(`${file.validator}/${file.size}`).slice(0, 16);
    const part = join(folder, `${stem}.part`);
    const canResume = file.validator !== undefined && file.size !== undefined;
    try {
      using output = Deno.openSync(part, { create: true, write: true });
      let at = canResume ? Math.min(output.statSync().size, file.size!) : 0;
      output.truncateSync(at);
      output.seekSync(at, Deno.SeekMode.Start);
      for await (const chunk of remoteBytes(this.#client, file, at)) {
        at += chunk.length;
        if (at > most) throw tooLong(file, most);
        writeAll(output, chunk);
        onProgress?.(at, file.size);
      }
      output.syncSync();
    } catch (error) {
      if (error instanceof ChangedError || error instanceof TooLongError) Deno.removeSync(part);
      throw error;
    }
    const found = sha256OfFile(part);
    if (expected !== undefined && found !== expected) {
      Deno.removeSync(part);
      throw new ChangedError(
        `Cannot fetch ${shown(file.url)}: expected SHA-256 ${expected}, found ${found}`,
      );
    }
    return publish(folder, part, stem, file, found);
  }
}

/** A file is longer than may be fetched: a part of it is no use. */
class TooLongError extends StageError {}

function tooLong({ url, size }: RemoteFile, most: number): TooLongError {
  const found = size === undefined
    ? "more, and no length in its server's answer"
    : formatBytes(size);
  return new TooLongError(
    `Cannot fetch ${shown(url)}: expected at most ${formatBytes(most)}, found ${found}; ` +
      "documents.maxDownloadBytes of a recipe allows more",
  );
}

/** Makes the fetched file the entry of its URL, and drops what was there before. */
function publish(
  folder: string,
  part: string,
  stem: string,
  file: RemoteFile,
  digest: string,
): CachedFile {
  const data = `${stem}.data`;
  Deno.renameSync(part, join(folder, data));
  const entry: Entry = {
    format: 1,
    url: shown(file.url).slice(1, -1),
    validator: file.validator ?? null,
    size: Deno.statSync(join(folder, data)).size,
    sha256: digest,
    file: data,
  };
  writeFileAtomic(join(folder, "entry.json"), JSON.stringify(entry, null, 2) + "\n");
  for (const { name } of [...Deno.readDirSync(folder)]) {
    // A process that still reads an older file keeps it open.
    if (/\.(data|part|tmp)$/.test(name) && name !== data) Deno.removeSync(join(folder, name));
  }
  return { path: join(folder, data), size: entry.size, sha256: digest };
}

/** The file of an entry, when it is there as it was fetched: a damaged one is fetched again. */
function cachedFile(folder: string, { file, size, sha256 }: Entry): CachedFile | undefined {
  try {
    const path = join(folder, file);
    const isWhole = Deno.statSync(path).size === size && sha256OfFile(path) === sha256;
    return isWhole ? { path, size, sha256 } : undefined;
  } catch {
    return undefined;
  }
}
