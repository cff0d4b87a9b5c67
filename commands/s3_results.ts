/**
 * Results in a bucket of S3: the listings and manifests of a store under the names that they have there, and the content of files in
 * the chunks of 4 MiB that listings digest, each under its digest.
 *
 * What names other things is written after them: who reads at any moment finds whole results. What is there does not move again,
 * whichever result it is of.
 */
import { join } from "node:path";
import { formatBytes, readFully, StageError, UsageError } from "../base/mod.ts";
import { type NamedBytes, openPlace, s3AccessOf } from "../exchange/mod.ts";
import { chunkBytes, type ListedFile, readListing } from "../pipeline/listing.ts";
import { type Manifest, readManifest } from "../pipeline/manifest.ts";
import type { ObjectCheck } from "../pipeline/object_check.ts";
import { type Store, storeFormat } from "../pipeline/store.ts";
import type { TarEntry } from "../pipeline/tar.ts";
import { printError } from "./screen.ts";

/** Listings of a million files have 150 MB. */
const mostTextBytes = 256 << 20;

const progressEveryMs = 5000;

/** Opens a bucket as the environment says who one is. It is waited for while it cannot be reached. @throws UsageError */
export async function openBucket(url: string): Promise<NamedBytes> {
  const s3 = s3AccessOf(Deno.env);
  const onTrouble = (message: string) => printError(`${message}; tries again until it is there`);
  return await openPlace(url.replace(/\/+$/, ""), { s3, onTrouble });
}

/** Puts results into a bucket. Returns how many bytes of content moved, and how many results were there. */
export async function putResults(
  place: NamedBytes,
  store: Store,
  objects: ObjectCheck,
  manifests: readonly Manifest[],
): Promise<{ readonly bytes: number; readonly present: number }> {
  const format = `${storeFormat}\n`;
  await place.create("format", encoded(format));
  await checkFormat(place);
  const moved = new MovedBytes(`sent to ${place.place}`);
  let present = 0;
  for (const manifest of manifests) {
    if (await place.find(manifestName(manifest.key)) !== undefined) {
      present++;
      continue;
    }
    for (const digest of Object.values(manifest.outputs)) {
      const name = listingName(digest);
      if (await place.find(name) !== undefined) continue;
      const folder = await objects.require(digest, manifest.instance);
      const listing = store.listing(digest)!;
      for (const file of listing) await putChunks(place, folder, file, moved);
      await place.replace(name, encoded(JSON.stringify(listing)));
    }
    await place.replace(
      manifestName(manifest.key),
      encoded(`${JSON.stringify(manifest, null, 1)}\n`),
    );
  }
  return { bytes: moved.bytes, present };
}

async function putChunks(
  place: NamedBytes,
  folder: string,
  { path, chunks }: ListedFile,
  moved: MovedBytes,
): Promise<void> {
  using file = Deno.openSync(join(folder, path));
  const buffer = new Uint8Array(chunkBytes);
  for (const chunk of chunks) {
    const bytes = buffer.subarray(0, readFully(file, buffer));
    const name = chunkName(chunk);
    if ((await place.find(name))?.bytes === bytes.length) continue;
    await place.replace(name, bytes);
    moved.add(bytes.length);
  }
}

/** The entries of the results in a bucket, in the order of `entriesOf`. Content is fetched when it is read. @throws UsageError */
export async function* resultsIn(place: NamedBytes): AsyncGenerator<TarEntry> {
  const format = await checkFormat(place);
  yield { path: "format", bytes: format.length, content: one(format) };
  const moved = new MovedBytes(`of ${place.place}`);
  const sent = new Set<string>();
  for (const { name } of await place.list("manifests")) {
    const bytes = await required(place, `manifests/${name}`, mostTextBytes);
    const { manifest } = readManifest(new TextDecoder().decode(bytes), name.replace(/\.json$/, ""));
    // One that is damaged is refused by its reader, who says what is wrong.
    for (const digest of Object.values(manifest?.outputs ?? {})) {
      if (sent.has(digest)) continue;
      sent.add(digest);
      const path = listingName(digest);
      const text = await required(place, path, mostTextBytes);
      yield { path, bytes: text.length, content: one(text) };
      for (const file of readListing(new TextDecoder().decode(text)) ?? []) {
        const content = chunksOf(place, file, moved);
        yield { path: `${path.replace(/\.json$/, "")}/${file.path}`, bytes: file.bytes, content };
      }
    }
    yield { path: `manifests/${name}`, bytes: bytes.length, content: one(bytes) };
  }
}

async function* chunksOf(
  place: NamedBytes,
  { chunks }: ListedFile,
  moved: MovedBytes,
): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    const bytes = await required(place, chunkName(chunk), chunkBytes);
    moved.add(bytes.length);
    yield bytes;
  }
}

async function checkFormat(place: NamedBytes): Promise<Uint8Array> {
  const format = await place.read("format", 100);
  const found = format && new TextDecoder().decode(format).trim();
  if (found === `${storeFormat}`) return format!;
  throw new UsageError(
    `Cannot use "${place.place}": expected results of store format ${storeFormat}, found ${
      found === undefined ? "none" : `"${found}"`
    }`,
  );
}

async function required(place: NamedBytes, name: string, maxBytes: number): Promise<Uint8Array> {
  const bytes = await place.read(name, maxBytes);
  if (bytes !== undefined) return bytes;
  throw new StageError(`Cannot read "${place.place}/${name}": expected it there, found nothing`);
}

/** Counts bytes, and prints them now and then. */
class MovedBytes {
  bytes = 0;
  #printedAtMs = performance.now();

  constructor(readonly what: string) {}

  add(bytes: number): void {
    this.bytes += bytes;
    if (performance.now() - this.#printedAtMs < progressEveryMs) return;
    this.#printedAtMs = performance.now();
    printError(`${formatBytes(this.bytes)} ${this.what}`);
  }
}

function listingName(digest: string): string {
  return `objects/${digest.slice(0, 2)}/${digest}.json`;
}

function manifestName(key: string): string {
  return `manifests/${key}.json`;
}

function chunkName(digest: string): string {
  return `chunks/${digest}`;
}

function encoded(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
