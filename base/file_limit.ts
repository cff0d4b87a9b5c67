/**
 * The limit of the system on the size of files: `ulimit -f`.
 */

/** Makes a write beyond the limit an error (EFBIG) that can be told, in place of the end of the process. */
export function reportFileLimit(): void {
  Deno.addSignalListener("SIGXFSZ", () => {});
}
