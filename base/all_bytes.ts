/**
 * Reads and writes of all bytes: one call of the system may take or give fewer than it was asked for.
 */

/** Writes all bytes of `data`, text as UTF-8. */
export function writeAll(
  to: { writeSync(bytes: Uint8Array): number },
  data: Uint8Array | string,
): void {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}

/** Fills `buffer`. Returns how many bytes came: fewer than it holds only at the end of the file. */
export function readFully(
  from: { readSync(bytes: Uint8Array): number | null },
  buffer: Uint8Array,
): number {
  let filled = 0;
  while (filled < buffer.length) {
    const read = from.readSync(buffer.subarray(filled));
    if (read === null) break;
    filled += read;
  }
  return filled;
}
