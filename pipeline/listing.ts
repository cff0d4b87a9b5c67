/**
 * The listing of the files in an output folder. Its digest is the name of the object in the store.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { canonicalJson, readFully, sha256, StageError } from "../base/mod.ts";

/** Each piece of this size has a digest of its own, so that an error can name the damaged piece of a large file. */
export const chunkBytes = 4 << 20;

export interface ListedFile {
  /** From the folder, parts joined with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of each 4 MiB of content; none for an empty file. */
  readonly chunks: readonly string[];
}

/** The files of a folder, sorted by path. */
export type Listing = readonly ListedFile[];

/** No file system of today takes a longer name. */
const mostNameBytes = 255;

/** The listing that a text is; undefined if it is none, or if no folder can be as it says. */
export function readListing(text: string): Listing | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isListing(value) ? value : undefined;
}

/** Whether a value is a listing, and of files that a folder can hold. */
export function isListing(value: unknown): value is Listing {
  return Array.isArray(value) && value.length > 0 && value.every(isListedFile) &&
    areFilesOfAFolder(value);
}

function isListedFile(value: unknown): value is ListedFile {
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 3) return false;
  const { path, bytes, chunks } = value as Partial<Record<keyof ListedFile, unknown>>;
  return typeof path === "string" && path.split("/").every(isName) &&
    typeof bytes === "number" && Number.isSafeInteger(bytes) && bytes >= 0 &&
    Array.isArray(chunks) && chunks.length === Math.ceil(bytes / chunkBytes) &&
    chunks.every((chunk) => typeof chunk === "string" && /^[0-9a-f]{64}$/.test(chunk));
}

function isName(part: string): boolean {
  return part !== "" && part !== "." && part !== ".." && !part.includes("\0") &&
    part.isWellFormed() && new TextEncoder().encode(part).length <= mostNameBytes;
}

/** Whether paths are sorted and each once, and none is a folder of another. */
function areFilesOfAFolder(files: Listing): boolean {
  const folders = new Set<string>();
  for (const { path } of files) {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      folders.add(path.slice(0, at));
    }
  }
  return files.every(({ path }, i) => !folders.has(path) && (i === 0 || files[i - 1].path < path));
}

/** The name of an object: SHA-256 of its listing's canonical JSON. */
export function digestOfListing(listing: Listing): string {
  return sha256(canonicalJson(listing));
}

/**
 * Reads a folder that a stage has filled and waits until its bytes have reached the disk.
 *
 * @throws StageError when it is empty or holds anything but files and folders.
 */
export function listAndSync(folder: string, output: string): Listing {
  const listing = filePaths(folder, output).map((path) => listFile(folder, path));
  if (listing.length === 0) {
    throw new StageError(
      `Cannot publish output "${output}": expected files, found an empty folder`,
    );
  }
  return listing;
}

/** The paths of all files under a folder, sorted by UTF-16 code units. */
function filePaths(folder: string, output: string): string[] {
  const paths: string[] = [];
  const visit = (prefix: string) => {
    for (const entry of Deno.readDirSync(join(folder, prefix))) {
      const path = `${prefix}${entry.name}`;
      if (entry.isDirectory) visit(`${path}/`);
      else if (entry.isFile) paths.push(path);
      else {
        throw new StageError(
          `Cannot publish output "${output}": expected files and folders, found a link at "${path}"`,
        );
      }
    }
  };
  visit("");
  return paths.sort();
}

function listFile(folder: string, path: string): ListedFile {
  using file = Deno.openSync(join(folder, path));
  const buffer = new Uint8Array(chunkBytes);
  const chunks: string[] = [];
  let bytes = 0;
  for (;;) {
    const filled = readFully(file, buffer);
    if (filled === 0) break;
    chunks.push(createHash("sha256").update(buffer.subarray(0, filled)).digest("hex"));
    bytes += filled;
    if (filled < buffer.length) break;
  }
  file.syncSync();
  return { path, bytes, chunks };
}
