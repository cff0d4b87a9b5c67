/**
 * Files that are either whole or absent: written beside their place, synced, then renamed.
 */
import { createHash } from "node:crypto";

/** Writes a file so that a reader, or a restart after a kill, sees the old content or all of the new one. */
export function writeFileAtomic(path: string, data: Uint8Array | string): void {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    writeFileSynced(temporary, data);
    Deno.renameSync(temporary, path);
  } catch (error) {
    try {
      Deno.removeSync(temporary);
    } catch { /* it was never made */ }
    throw error;
  }
}

/** Writes a file and waits until its bytes have reached the disk. */
export function writeFileSynced(path: string, data: Uint8Array | string): void {
  writeAll(path, [typeof data === "string" ? new TextEncoder().encode(data) : data]);
}

/** The same of parts, one after the other, whose bytes never stand in one place. Returns the SHA-256 of all, in hex. */
export function writePartsSynced(path: string, parts: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  writeAll(path, parts, (part) => hash.update(part));
  return hash.digest("hex");
}

function writeAll(
  path: string,
  parts: Iterable<Uint8Array>,
  afterPart: (part: Uint8Array) => void = () => {},
): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  for (const part of parts) {
    for (let at = 0; at < part.length;) at += file.writeSync(part.subarray(at));
    afterPart(part);
  }
  file.syncSync();
}
