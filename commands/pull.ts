/**
 * `pull`: takes results from another store, an archive, or the URL of an archive.
 */
import { addStoreOption } from "./plan_options.ts";
import type { PipelineCommand } from "./project.ts";
import { resolve } from "node:path";
import { HttpClient, probe, remoteBytes, type RemoteFile, shown } from "../datasets/http/mod.ts";
import { formatBytes, formatDuration, messageOf, StageError, UsageError } from "../base/mod.ts";
import { ObjectCheck } from "../pipeline/object_check.ts";
import { storageError } from "../pipeline/storage_errors.ts";
import { Store } from "../pipeline/store.ts";
import { readTar, type TarEntry } from "../pipeline/tar.ts";
import { entriesOf, receive } from "../pipeline/transfer.ts";
import { exclusiveStore } from "./busy.ts";
import { zstd } from "./push.ts";
import { print, printError } from "./screen.ts";

interface PullOptions {
  readonly store: string;
  readonly wait: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addStoreOption(command)
      .option("--no-wait", "end with code 1 when another process uses the store"),
  act: (_, from: string, options: PullOptions) => pull(from, options),
};

const progressEveryMs = 5000;

/** @param from A folder, a file that ends in `.tar` or `.tar.zst`, or the http(s) URL of such a file. */
async function pull(from: string, options: PullOptions): Promise<number> {
  const entries = await openEntries(from); // before the store is made
  const store = Store.open(resolve(options.store), { create: true });
  using lock = await exclusiveStore(store, `pull ${from}`, options);
  if (lock === undefined) return 1;
  try {
    const { results, present, objects, bytes } = await receive(store, entries);
    print(
      `Pulled ${results} results from ${from}: ${objects} objects, ${formatBytes(bytes)} ` +
        `(${present} were there already)`,
    );
    return 0;
  } catch (error) {
    throw sourceError(storageError(error, `keep what "${from}" holds`, store.folder), from);
  } finally {
    store.sweepTemporary();
  }
}

async function openEntries(from: string): Promise<AsyncIterable<TarEntry>> {
  if (/^https?:/.test(from)) return readTar(await unpacked(from, await download(from)));
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(from);
  } catch (cause) {
    throw new UsageError(
      `Cannot pull from "${from}": expected a store, an archive or a URL, found ${
        cause instanceof Deno.errors.NotFound ? "nothing" : messageOf(cause)
      }`,
      { cause },
    );
  }
  if (info.isDirectory) {
    const source = Store.open(resolve(from), { create: false });
    const manifests = [...source.manifests()].filter(({ key }) => source.find(key) !== undefined)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    return entriesOf(source, new ObjectCheck(source, true), manifests);
  }
  return readTar(await unpacked(from, (await Deno.open(from)).readable));
}

/**
 * The bytes of a URL. A transfer that breaks continues from there, as long as the server shows that the file is the same.
 * @throws UsageError
 */
async function download(url: string): Promise<ReadableStream<Uint8Array>> {
  const client = new HttpClient({
    onRetry: (reason, delayMs) =>
      printError(`${reason}; goes on in ${formatDuration(delayMs)} from there`),
  });
  try {
    const file = await probe(client, url);
    return ReadableStream.from(withProgress(remoteBytes(client, file), file));
  } catch (cause) {
    throw notPulled(url, cause);
  }
}

/** Passes bytes on, and prints the progress of a long download. */
async function* withProgress(
  bytes: AsyncIterable<Uint8Array>,
  { url, size }: RemoteFile,
): AsyncGenerator<Uint8Array> {
  let [done, printedAt] = [0, performance.now()];
  for await (const part of bytes) {
    done += part.length;
    yield part;
    if (performance.now() - printedAt < progressEveryMs) continue;
    printedAt = performance.now();
    const of = size === undefined ? "" : ` of ${formatBytes(size)}`;
    printError(`${formatBytes(done)}${of} of ${shown(url)}`);
  }
}

/** The bytes of a tar archive, from a file whose name ends in `.tar` or `.tar.zst`. */
async function unpacked(
  from: string,
  stream: ReadableStream<Uint8Array>,
): Promise<AsyncIterable<Uint8Array>> {
  const path = from.replace(/[?#].*$/, "");
  if (path.endsWith(".tar")) return stream;
  if (path.endsWith(".tar.zst")) return await zstd("decompress", stream);
  await stream.cancel();
  throw new UsageError(
    `Cannot pull from "${from}": expected a store, or a name that ends in .tar or .tar.zst`,
  );
}

/** An error of a stream of bytes, as one that names the source of the bytes. */
function sourceError(error: unknown, from: string): unknown {
  const isOfSource = error instanceof SyntaxError || error instanceof TypeError ||
    error instanceof StageError || /zstd/i.test(messageOf(error));
  return isOfSource
    ? notPulled(from, error, "; what is complete is kept, pull again for the rest")
    : error;
}

function notPulled(from: string, cause: unknown, wayOut = ""): UsageError {
  return new UsageError(`Cannot pull from "${from}": ${messageOf(cause)}${wayOut}`, { cause });
}
