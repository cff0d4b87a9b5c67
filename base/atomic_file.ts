/**
 * Files that are either whole or absent: written beside their place, synced, then renamed.
 */
import { createHash } from "node:crypto";
import { writeAll } from "./all_bytes.ts";
import { removeQuietly } from "./remove_tree.ts";

/** Who may read a file that is made, and write it: `0o600` is its user alone. Default: as the system has it. */
type FileRights = Pick<Deno.OpenOptions, "mode">;

/** Writes a file so that a reader, or a restart after a kill, sees the old content or all of the new one. */
export function writeFileAtomic(
  path: string,
  data: Uint8Array | string,
  rights?: FileRights,
): void {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    writeFileSynced(temporary, data, rights);
    Deno.renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
}

/** Makes a file, whole or not at all, and never in place of another: of several processes one makes it. Returns whether this one did. */
export function createFileAtomic(
  path: string,
  data: Uint8Array | string,
  rights?: FileRights,
): boolean {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    writeFileSynced(temporary, data, rights);
    Deno.linkSync(temporary, path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  } finally {
    removeQuietly(temporary);
  }
}

/** Writes a file and waits until its bytes have reached the disk. */
export function writeFileSynced(
  path: string,
  data: Uint8Array | string,
  rights?: FileRights,
): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true, ...rights });
  writeAll(file, data);
  file.syncSync();
}

/** The same of parts, one after the other, whose bytes never stand in one place. Returns the SHA-256 of all, in hex. */
export function writePartsSynced(path: string, parts: Iterable<Uint8Array>): string {
  const digest = writeParts(path, parts);
  syncFile(path);
  return digest;
}

/** Writes parts without waiting for the disk. Returns the SHA-256 of all, in hex. */
export function writeParts(path: string, parts: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const write = (bytes: Uint8Array) => {
    writeAll(file, bytes);
    hash.update(bytes);
  };
  const buffer = new Uint8Array(bufferBytes);
  let held = 0;
  for (const part of parts) {
    if (held + part.length > buffer.length) {
      write(buffer.subarray(0, held));
      held = 0;
    }
    if (part.length > buffer.length) write(part);
    else {
      buffer.set(part, held);
      held += part.length;
    }
  }
  write(buffer.subarray(0, held));
  return hash.digest("hex");
}

/** Small parts are written together. */
const bufferBytes = 1 << 16;

/** Waits until the bytes of a file have reached the disk, whoever wrote them. */
export function syncFile(path: string): void {
  using file = Deno.openSync(path, { write: true });
  file.syncSync();
}

/** Makes a rename last through a power cut, where folders can be synced. */
export function syncFolder(folder: string): void {
  try {
    using file = Deno.openSync(folder, { read: true });
    file.syncSync();
  } catch { /* not on this system: the rename is still atomic */ }
}
