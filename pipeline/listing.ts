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
