/**
 * Files that are either whole or absent: written beside their place, synced, then renamed.
 */

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
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  file.syncSync();
}
