/**
 * Results on their way between stores: content only, every byte checked against its digest.
 *
 * A result travels as the listings and files of its objects, then its manifest, under the paths that a store has. What is
 * received is staged in `tmp`. An object is published when the digests of all its chunks are right, a manifest when its objects are there: a
 * transfer that is cut off leaves whole objects and no half results, and going on skips what is there.
 */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { formatBytes, UsageError, writeAll } from "../base/mod.ts";
import { chunkBytes, digestOfListing, type Listing, readListing } from "./listing.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import type { ObjectCheck } from "./object_check.ts";
import { RunRecorder } from "./run_records.ts";
import { type Store, storeFormat } from "./store.ts";
import type { TarEntry } from "./tar.ts";

/** How much was received. */
interface Moved {
  readonly results: number;
  /** Results that the store already had. */
  readonly present: number;
  readonly objects: number;
  readonly bytes: number;
}

/** The entries of an archive of results: `format`, then each result's objects, each once, and its manifest. */
export async function* entriesOf(
  store: Store,
  objects: ObjectCheck,
  manifests: readonly Manifest[],
): AsyncGenerator<TarEntry> {
  yield entry("format", `${storeFormat}\n`);
  const sent = new Set<string>();
  for (const manifest of manifests) {
    for (const digest of Object.values(manifest.outputs)) {
      if (sent.has(digest)) continue;
      sent.add(digest);
      const folder = await objects.require(digest, manifest.instance);
      const listing = store.listing(digest)!;
      yield entry(objectPath(digest) + ".json", JSON.stringify(listing));
      for (const { path, bytes } of listing) {
        const content = readFile(join(folder, path));
        yield { path: `${objectPath(digest)}/${path}`, bytes, content };
      }
    }
    yield entry(`manifests/${manifest.key}.json`, `${JSON.stringify(manifest, null, 1)}\n`);
  }
}

/**
 * Takes results into a store from entries in the order of `entriesOf`. Only under the lock.
 * @throws UsageError for another format, for anything whose digest is wrong, and for an end before the last manifest
 */
export async function receive(store: Store, entries: AsyncIterable<TarEntry>): Promise<Moved> {
  const received = new ReceivedResults(store);
  let isFormatKnown = false;
  try {
    for await (const entry of entries) {
      if (isFormatKnown) await received.take(entry);
      else checkFormat(entry.path === "format" ? await textOf(entry) : undefined);
      isFormatKnown = true;
    }
    if (!isFormatKnown) throw refuse("results", "an empty archive");
    return received.moved();
  } finally {
    received.record(); // what is complete is kept
  }
}

/** The results that have come so far. */
class ReceivedResults {
  readonly #store: Store;
  readonly #manifests: Manifest[] = [];
  /** Objects that no manifest has named so far. */
  readonly #unnamed = new Set<string>();
  #incoming: IncomingObject | undefined;
  #count = { results: 0, present: 0, objects: 0, bytes: 0 };

  constructor(store: Store) {
    this.#store = store;
  }

  /** Takes the next entry. @throws UsageError */
  async take(entry: TarEntry): Promise<void> {
    const { path } = entry;
    const [, object, inside] = /^objects\/[0-9a-f]{2}\/([0-9a-f]{64})(\.json|\/.+)$/s.exec(path) ??
      [];
    if (object !== undefined && this.#incoming?.digest === object && inside !== ".json") {
      this.#count.bytes += await this.#incoming.add(inside.slice(1), entry);
      return;
    }
    this.#incoming?.checkWhole(path);
    this.#incoming = undefined;
    if (object !== undefined && inside === ".json") {
      this.#incoming = new IncomingObject(this.#store, object, await textOf(entry));
      this.#count.objects += this.#incoming.isPresent ? 0 : 1;
      this.#unnamed.add(object);
    } else if (/^manifests\/[0-9a-f]{64}\.json$/.test(path)) {
      this.#takeManifest(completeManifest(this.#store, path, await textOf(entry)));
    } else throw refuse(`a result's files in their order`, `"${path}"`);
  }

  #takeManifest(manifest: Manifest): void {
    if (this.#store.find(manifest.key) === undefined) {
      this.#store.writeManifest(manifest);
      this.#count.results++;
    } else this.#count.present++;
    this.#manifests.push(manifest);
    for (const digest of Object.values(manifest.outputs)) this.#unnamed.delete(digest);
  }

  /** How much has come, after the last entry. @throws UsageError if it was not the last that was sent */
  moved(): Moved {
    this.#incoming?.checkWhole("the end");
    const [digest] = this.#unnamed;
    if (digest !== undefined) {
      throw refuse(`a manifest that names object ${digest}`, "the end: something is missing");
    }
    if (this.#manifests.length === 0) throw refuse("results", "none");
    return this.#count;
  }

  /** Records what was received, by recipe: garbage collection keeps it as if it had been run here. */
  record(): void {
    const recipes = new Set(this.#manifests.map(({ provenance }) => provenance.recipe));
    for (const recipe of recipes) {
      const recorder = new RunRecorder(this.#store, { recipe, isReceived: true });
      recorder.addAll(
        this.#manifests.filter(({ provenance }) => provenance.recipe === recipe)
          .map(({ instance, key }) => [`${instance}#${key.slice(0, 12)}`, key]),
      );
    }
  }
}

/** An object that is being received. */
class IncomingObject {
  readonly digest: string;
  readonly isPresent: boolean;
  readonly #store: Store;
  readonly #listing: Listing;
  readonly #folder: string;
  #files = 0;

  constructor(store: Store, digest: string, listing: string) {
    this.digest = digest;
    this.#store = store;
    const read = readListing(listing);
    if (read === undefined || digestOfListing(read) !== digest) {
      throw refuse(`the listing that object ${digest} is named after`, "another");
    }
    this.#listing = read;
    this.isPresent = store.hasObject(digest);
    this.#folder = this.isPresent ? "" : store.makeTemporary(["object"]) + "/object";
  }

  /** @param next What comes instead of the next file. @throws UsageError if there are files yet to come */
  checkWhole(next: string): void {
    const missing = this.#listing[this.#files];
    if (missing === undefined) return;
    throw refuse(`"${missing.path}" of object ${this.digest}`, `${next}: something is missing`);
  }

  /** Writes a file after a check of its chunks, and publishes the object after its last file. Returns the bytes of the file. */
  async add(path: string, { bytes, content }: TarEntry): Promise<number> {
    const listed = this.#listing[this.#files++];
    if (listed === undefined) {
      throw refuse(`${this.#listing.length} files of object ${this.digest}`, `more: "${path}"`);
    }
    if (listed.path !== path || listed.bytes !== bytes) {
      throw refuse(
        `"${listed.path}" of ${listed.bytes} bytes in object ${this.digest}`,
        `"${path}" of ${bytes}`,
      );
    }
    if (this.isPresent) return 0;
    const target = join(this.#folder, path);
    Deno.mkdirSync(dirname(target), { recursive: true });
    using file = Deno.openSync(target, { write: true, createNew: true });
    let i = 0;
    for await (const chunk of chunksOf(content)) {
      const found = createHash("sha256").update(chunk).digest("hex");
      if (found !== listed.chunks[i]) {
        throw refuse(
          `digest ${listed.chunks[i]?.slice(0, 12)}… at byte ${
            i * chunkBytes
          } of "${path}" in object ` +
            this.digest,
          `${found.slice(0, 12)}…: it is damaged, fetch it again`,
        );
      }
      writeAll(file, chunk);
      i++;
    }
    if (i !== listed.chunks.length) throw refuse(`${listed.chunks.length} chunks of "${path}"`, i);
    file.syncSync();
    if (this.#files === this.#listing.length) {
      this.#store.publishObject(this.#folder, this.#listing);
    }
    return bytes;
  }
}

/** A manifest whose objects are there. */
function completeManifest(store: Store, path: string, text: string): Manifest {
  const { manifest, fault } = readManifest(text, path.slice("manifests/".length, -".json".length));
  if (manifest === undefined) throw refuse(`in "${path}" ${fault.expected}`, fault.found);
  for (const digest of Object.values(manifest.outputs)) {
    if (!store.hasObject(digest)) throw refuse(`object ${digest} before "${path}"`, "none");
  }
  return manifest;
}

/** @throws UsageError when an archive is not of the format of this version. */
function checkFormat(text: string | undefined): void {
  const format = text?.trim();
  if (format === storeFormat) return;
  if (format === undefined) throw refuse('a file "format" first', "another");
  throw new UsageError(
    `Cannot take results: expected store format ${storeFormat}, found ${format}; ` +
      `use the version that wrote them, or have them pushed again with this one`,
  );
}

/** Chunks of the size that listings digest. */
async function* chunksOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(chunkBytes);
  let filled = 0;
  for await (let part of content) {
    while (part.length > 0) {
      const taken = part.subarray(0, chunkBytes - filled);
      buffer.set(taken, filled);
      filled += taken.length;
      part = part.subarray(taken.length);
      if (filled === chunkBytes) {
        yield buffer;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

function objectPath(digest: string): string {
  return `objects/${digest.slice(0, 2)}/${digest}`;
}

function entry(path: string, text: string): TarEntry {
  const bytes = new TextEncoder().encode(text);
  return { path, bytes: bytes.length, content: one(bytes) };
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  for (;;) {
    const buffer = new Uint8Array(1 << 18);
    const n = await file.read(buffer);
    if (n === null) return;
    yield buffer.subarray(0, n);
  }
}

/** A listing of a million files takes 150 MB; larger ones are no longer read at once. */
const mostTextBytes = 256 << 20;

/** A small entry as text. Its memory grows with what comes, not with what the entry claims. */
async function textOf({ path, bytes, content }: TarEntry): Promise<string> {
  if (bytes > mostTextBytes) {
    throw refuse(`at most ${formatBytes(mostTextBytes)} in "${path}"`, formatBytes(bytes));
  }
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of content) text += decoder.decode(part, { stream: true });
  return text + decoder.decode();
}

function refuse(expected: string, found: unknown): UsageError {
  return new UsageError(`Cannot take results: expected ${expected}, found ${found}`);
}
