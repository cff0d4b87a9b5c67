/**
 * Results on their way between stores: content only, every byte checked against its digest.
 *
 * A result travels as the listings and files of its objects, then its manifest, under the paths that a store has. What is
 * received is staged in `tmp`. An object is published when the digests of all its chunks are right, a manifest when its objects are there: a
 * transfer that is cut off leaves whole objects and no half results, and going on skips what is there.
 */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { UsageError, writeAll } from "../base/mod.ts";
import { actionKey } from "./key.ts";
import { chunkBytes, digestOfListing, type Listing } from "./listing.ts";
import type { ObjectCheck } from "./object_check.ts";
import { RunRecorder } from "./run_records.ts";
import { type Manifest, type Store, storeFormat } from "./store.ts";
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
 * @throws UsageError for another format, or for anything whose digest is wrong
 */
export async function receive(store: Store, entries: AsyncIterable<TarEntry>): Promise<Moved> {
  let [results, present, objects, bytes] = [0, 0, 0, 0];
  let incoming: IncomingObject | undefined;
  let isFormatKnown = false;
  const received: Manifest[] = [];
  for await (const entry of entries) {
    const { path } = entry;
    if (!isFormatKnown) {
      checkFormat(path === "format" ? await textOf(entry) : undefined);
      isFormatKnown = true;
      continue;
    }
    const [, object, inside] = /^objects\/[0-9a-f]{2}\/([0-9a-f]{64})(\.json|\/.+)$/.exec(path) ??
      [];
    if (object !== undefined && inside === ".json") {
      incoming = new IncomingObject(store, object, await textOf(entry));
      objects += incoming.isPresent ? 0 : 1;
    } else if (object !== undefined && incoming?.digest === object) {
      bytes += await incoming.add(inside.slice(1), entry);
    } else if (/^manifests\/[0-9a-f]{64}\.json$/.test(path)) {
      const manifest = readManifest(store, path, await textOf(entry));
      if (store.find(manifest.key) === undefined) {
        store.writeManifest(manifest);
        results++;
      } else present++;
      received.push(manifest);
    } else throw refuse(`a result's files in their order`, `"${path}"`);
  }
  if (!isFormatKnown) throw refuse("results", "an empty archive");
  recordReceived(store, received);
  return { results, present, objects, bytes };
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
    this.#listing = parse<Listing>(listing, `listing of object ${digest}`);
    if (!isListing(this.#listing) || digestOfListing(this.#listing) !== digest) {
      throw refuse(`the listing that object ${digest} is named after`, "another");
    }
    this.isPresent = store.hasObject(digest);
    this.#folder = this.isPresent ? "" : store.makeTemporary(["object"]) + "/object";
  }

  /** Writes a file after a check of its chunks, and publishes the object after its last file. Returns the bytes of the file. */
  async add(path: string, { bytes, content }: TarEntry): Promise<number> {
    const listed = this.#listing[this.#files++];
    if (listed?.path !== path || listed.bytes !== bytes) {
      throw refuse(
        `"${listed?.path}" of ${listed?.bytes} bytes in object ${this.digest}`,
        `"${path}"`,
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

/** Records what was received, by recipe: garbage collection keeps it as if it had been run here. */
function recordReceived(store: Store, manifests: readonly Manifest[]): void {
  const recipes = new Set(manifests.map(({ provenance }) => provenance.recipe));
  for (const recipe of recipes) {
    const recorder = new RunRecorder(store, { recipe, isReceived: true });
    recorder.addAll(
      manifests.filter(({ provenance }) => provenance.recipe === recipe)
        .map(({ instance, key }) => [`${instance}#${key.slice(0, 12)}`, key]),
    );
  }
}

/** A manifest whose objects are there. */
function readManifest(store: Store, path: string, text: string): Manifest {
  const manifest = parse<Manifest>(text, path);
  const { key, record, outputs } = manifest;
  if (path !== `manifests/${key}.json` || key !== actionKey(record)) {
    throw refuse(`in "${path}" the record that its name is the digest of`, "another");
  }
  for (const digest of Object.values(outputs)) {
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

/** Whether paths stay inside their object, sorted and each once. */
function isListing(value: Listing): boolean {
  return Array.isArray(value) && value.length > 0 &&
    value.every(({ path, bytes, chunks }, i) =>
      typeof path === "string" && Number.isSafeInteger(bytes) && Array.isArray(chunks) &&
      path.split("/").every((part) => part !== "" && part !== "." && part !== "..") &&
      (i === 0 || value[i - 1].path < path)
    );
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

/** A small entry as text. */
async function textOf({ path, bytes, content }: TarEntry): Promise<string> {
  if (bytes > 256 << 20) throw refuse(`"${path}" to be small`, `${bytes} bytes`);
  const whole = new Uint8Array(bytes);
  let at = 0;
  for await (const part of content) {
    whole.set(part, at);
    at += part.length;
  }
  return new TextDecoder().decode(whole);
}

function parse<T>(text: string, what: string): T {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`Cannot take results: expected a ${what}, found no JSON`, { cause });
  }
}

function refuse(expected: string, found: unknown): UsageError {
  return new UsageError(`Cannot take results: expected ${expected}, found ${found}`);
}
