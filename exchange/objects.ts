/**
 * Files on their way through an exchange: parts of 64 MiB, each under the digest of its bytes, then their listing, under its digest.
 *
 * A transfer that was cut off goes on at the first part that is not there. Every part is checked when it is read.
 */
import { dirname } from "node:path";
import {
  canonicalJson,
  formatBytes,
  readFully,
  sha256,
  syncFolder,
  writeAll,
} from "../base/mod.ts";
import { RefusedError } from "./exchange.ts";
import { isDigest } from "./layout.ts";
import { type NamedBytes, TooLargeError } from "./named_bytes.ts";
import { recordFrom } from "./signed.ts";

/** One part is held in memory at a time. Every store of objects takes a part of this size in one request. */
export const partBytes = 64 << 20;

/** What an object is, without its place. */
export interface Content {
  readonly digest: string;
  readonly bytes: number;
}

/** Puts the content of a file into a folder. */
export async function putFile(place: NamedBytes, folder: string, path: string): Promise<Content> {
  using file = Deno.openSync(path);
  const buffer = new Uint8Array(Math.min(partBytes, Math.max(1, file.statSync().size)));
  const parts: string[] = [];
  let bytes = 0;
  for (let filled = readFully(file, buffer); filled > 0; filled = readFully(file, buffer)) {
    parts.push(await putBytes(place, folder, buffer.subarray(0, filled)));
    bytes += filled;
  }
  const listing = new TextEncoder().encode(canonicalJson({ bytes, parts }));
  return { digest: await putBytes(place, folder, listing), bytes };
}

/** Puts bytes under their digest, unless as many are there. Returns the digest. */
async function putBytes(
  place: NamedBytes,
  folder: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const digest = sha256(bytes);
  const name = `${folder}/${digest}`;
  const found = await place.find(name);
  if (found?.bytes !== bytes.length) await place.replace(name, bytes);
  return digest;
}

/**
 * Gets the content of a file from a folder.
 * @throws RefusedError if it is larger than `maxBytes`, is not there, or is not what the digests name
 */
export async function getFile(
  place: NamedBytes,
  folder: string,
  { digest, bytes }: Content,
  path: string,
  maxBytes: number,
): Promise<void> {
  const refuse = (expected: string, found: string) =>
    new RefusedError(
      `Cannot get object ${digest} of "${folder}": expected ${expected}, found ${found}`,
    );
  if (bytes > maxBytes) throw refuse(`at most ${formatBytes(maxBytes)}`, formatBytes(bytes));
  const read = async (name: string, most: number) => {
    const content = await readAtMost(place, `${folder}/${name}`, most);
    if (content === undefined) throw refuse(`${name}`, "nothing");
    if (content === tooLarge) throw refuse(`at most ${formatBytes(most)} as ${name}`, "more");
    if (sha256(content) !== name) throw refuse(`${name}`, "other bytes: it is damaged");
    return content;
  };
  const nParts = Math.ceil(bytes / partBytes);
  const listing = recordFrom(new TextDecoder().decode(await read(digest, 100 + 67 * nParts)));
  const parts = listing?.parts;
  if (listing?.bytes !== bytes || !Array.isArray(parts) || parts.length !== nParts) {
    throw refuse(`a listing of ${formatBytes(bytes)}`, "another");
  }
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    using file = Deno.openSync(temporary, { write: true, createNew: true });
    for (const [i, part] of parts.entries()) {
      if (!isDigest(part)) throw refuse("digests of parts", JSON.stringify(part));
      const size = Math.min(partBytes, bytes - i * partBytes);
      const content = await read(part, size);
      if (content.length !== size) {
        throw refuse(`${formatBytes(size)} as part ${i}`, formatBytes(content.length));
      }
      writeAll(file, content);
    }
    file.syncSync();
    Deno.renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    await Deno.remove(temporary).catch(() => {}); // it may never have been made
    throw error;
  }
}

const tooLarge = Symbol("too large");

async function readAtMost(place: NamedBytes, name: string, most: number) {
  try {
    return await place.read(name, most);
  } catch (error) {
    if (error instanceof TooLargeError) return tooLarge;
    throw error;
  }
}
