/**
 * `pull`: takes results from another store, an archive, the URL of an archive, or a bucket of S3.
 */
import { addStoreOption } from "./plan_options.ts";
import type { PipelineCommand } from "./project.ts";
import { resolve } from "node:path";
import { HttpClient, probe, remoteBytes, type RemoteFile, shown } from "../datasets/http/mod.ts";
import {
  formatBytes,
  formatDuration,
  messageOf,
  StageError,
  systemError,
  UsageError,
} from "../base/mod.ts";
import { ObjectCheck } from "../pipeline/object_check.ts";
import { storageError } from "../pipeline/storage_errors.ts";
import { Store } from "../pipeline/store.ts";
import { readTar, type TarEntry } from "../pipeline/tar.ts";
import { entriesOf, receive } from "../pipeline/transfer.ts";
import { exclusiveStore } from "./busy.ts";
import { isBucket, zstd } from "./push.ts";
import { openBucket, resultsIn } from "./s3_results.ts";
import { print, printError } from "./screen.ts";

interface PullOptions {
  readonly store: string;
  readonly wait: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addStoreOption(command)
      .option("--no-wait", "end with code 1 when another process uses the store")
      .addHelpText(
        "after",
        examples,
      ),
  act: (_, from: string, options: PullOptions) => pull(from, options),
};

const progressEveryMs = 5000;

/**
 * Returns 1 if results had to be left out.
 * @param from A folder, a file that ends in `.tar` or `.tar.zst`, the http(s) URL of such a file, or `s3://bucket/prefix`.
 */
async function pull(from: string, options: PullOptions): Promise<number> {
  await using bucket = isBucket(from) ? await openBucket(from) : undefined;
  const { entries, leftOut = 0 } = bucket === undefined // before the store is made
    ? await openSource(from)
    : { entries: resultsIn(bucket) };
  const store = Store.open(resolve(options.store), { create: true });
  using lock = await exclusiveStore(store, `pull ${from}`, options);
  if (lock === undefined) return 1;
  try {
    const { results, present, objects, bytes } = await receive(store, entries);
    print(
      `Pulled ${results} results from ${from}: ${objects} objects, ${formatBytes(bytes)} ` +
        `(${present} were there already)`,
    );
    return leftOut === 0 ? 0 : 1;
  } catch (error) {
    throw sourceError(storageError(error, `keep what "${from}" holds`, store.folder), from);
  } finally {
    store.sweepTemporary();
  }
}

interface Source {
  readonly entries: AsyncIterable<TarEntry>;
  /** How many results of a store are not whole. */
  readonly leftOut?: number;
}

async function openSource(from: string): Promise<Source> {
  if (/^https?:/.test(from)) {
    return { entries: readTar(await unpacked(from, await download(from))) };
  }
  const refuse = (found: string, cause?: unknown) =>
    new UsageError(
      `Cannot pull from "${from}": expected a store, an archive or a URL, found ${found}`,
      { cause },
    );
  try {
    const { isDirectory, isFile } = await Deno.stat(from);
    if (isDirectory) return entriesOfStore(from);
    if (!isFile) throw refuse("a pipe or a device");
    return { entries: readTar(await unpacked(from, (await Deno.open(from)).readable)) };
  } catch (cause) {
    const refused = systemError(cause);
    if (refused === undefined) throw cause;
    throw refuse(refused.name === "ENOENT" ? "nothing" : refused.found, cause);
  }
}

function entriesOfStore(folder: string): Source {
  const source = Store.open(resolve(folder), { create: false });
  const all = [...source.manifestFiles()];
  const manifests = all.flatMap(({ manifest }) =>
    manifest !== undefined && source.find(manifest.key) !== undefined ? [manifest] : []
  ).sort((a, b) => (a.key < b.key ? -1 : 1));
  const leftOut = all.length - manifests.length;
  if (leftOut > 0) {
    printError(
      `Leaving out ${leftOut} result${leftOut === 1 ? " that is" : "s that are"} not whole; ` +
        `mend the store with: deno task pipeline verify --store ${folder}`,
    );
  }
  return { entries: entriesOf(source, new ObjectCheck(source, true), manifests), leftOut };
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
  const isOfSource = error instanceof SyntaxError ||
    error instanceof StageError || /zstd/i.test(messageOf(error));
  return isOfSource
    ? notPulled(from, error, "; what is complete is kept, pull again for the rest")
    : error;
}

function notPulled(from: string, cause: unknown, wayOut = ""): UsageError {
  return new UsageError(`Cannot pull from "${from}": ${messageOf(cause)}${wayOut}`, { cause });
}

const examples = `
Examples:
  deno task pipeline pull results.tar.zst --store results
  deno task pipeline pull https://example.org/results.tar.zst  goes on where it broke off
  deno task pipeline pull s3://bucket/results                  what is not here yet
  deno task pipeline table --kept --store results            the tables of what came`;
