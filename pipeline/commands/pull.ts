/**
 * `pull`: takes results from another store, an archive, or the URL of an archive.
 */
import { resolve } from "node:path";
import { formatBytes, messageOf, UsageError } from "../base/mod.ts";
import { recoverStore } from "../collection.ts";
import { ObjectCheck } from "../object_check.ts";
import { storageError } from "../storage_errors.ts";
import { Store } from "../store.ts";
import { lockStore } from "../store_lock.ts";
import { readTar, type TarEntry } from "../tar.ts";
import { entriesOf, receive } from "../transfer.ts";
import { onBusy } from "./_busy.ts";
import { zstd } from "./push.ts";

export interface PullOptions {
  readonly store: string;
  readonly wait: boolean;
}

/** @param from A folder, a file that ends in `.tar` or `.tar.zst`, or the http(s) URL of such a file. */
export async function pull(from: string, options: PullOptions): Promise<number> {
  const entries = await openEntries(from); // before a store is made for it
  const store = Store.open(resolve(options.store), { create: true });
  using lock = await lockStore(store.folder, {
    command: `pull ${from}`,
    onBusy: (holder) => onBusy(holder, { ...options, command: "pull" }),
  });
  if (lock === undefined) return 1;
  recoverStore(store);
  try {
    const { results, present, objects, bytes } = await receive(store, entries);
    console.log(
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

async function download(url: string): Promise<ReadableStream<Uint8Array>> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new UsageError(`Cannot pull from "${url}": ${messageOf(cause)}`, { cause });
  }
  if (response.ok && response.body !== null) return response.body;
  await response.body?.cancel();
  throw new UsageError(
    `Cannot pull from "${url}": expected an archive, found status ${response.status}`,
  );
}

/** The archive behind a name that ends in `.tar` or `.tar.zst`. */
async function unpacked(
  from: string,
  stream: ReadableStream<Uint8Array>,
): Promise<ReadableStream<Uint8Array>> {
  const path = from.replace(/[?#].*$/, "");
  if (path.endsWith(".tar")) return stream;
  if (path.endsWith(".tar.zst")) return stream.pipeThrough(await zstd("decompress"));
  await stream.cancel();
  throw new UsageError(
    `Cannot pull from "${from}": expected a store, or a name that ends in .tar or .tar.zst`,
  );
}

/** What a stream of bytes throws, as an error that names where it came from. */
function sourceError(error: unknown, from: string): unknown {
  if (
    error instanceof SyntaxError || error instanceof TypeError || /zstd/i.test(messageOf(error))
  ) {
    return new UsageError(
      `Cannot pull from "${from}": ${messageOf(error)}; pull again goes on from here`,
      {
        cause: error,
      },
    );
  }
  return error;
}
