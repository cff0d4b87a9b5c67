/**
 * How much of a long text has been read, on a terminal's last line.
 */
import { formatBytes, writeAll } from "../base/mod.ts";
import type { RecordStream, SourceRecord } from "../datasets/mod.ts";
import type { TextBatch } from "./text_input.ts";

const everyMs = 500;

/** A last line of the terminal: `show` replaces its text, `wipe` removes it. Both do nothing if there is no terminal. */
export function terminalLine(): { show(text: string): void; wipe(): void } {
  if (!Deno.stderr.isTerminal()) return { show: () => {}, wipe: () => {} };
  let shownAt = performance.now();
  let isShown = false;
  const write = (text: string) => writeAll(Deno.stderr, text);
  return {
    show(text) {
      if (performance.now() - shownAt < everyMs) return;
      shownAt = performance.now();
      isShown = true;
      write(`\r\x1b[K${text}`);
    },
    wipe() {
      if (isShown) write("\r\x1b[K");
      isShown = false;
    },
  };
}

/** Passes batches on and shows how much was read. @param isQuiet Shows nothing: the results go to the terminal too */
export async function* withProgress(
  batches: AsyncIterable<TextBatch>,
  isQuiet = false,
): AsyncGenerator<TextBatch> {
  if (isQuiet) return yield* batches;
  const line = terminalLine();
  let bytes = 0;
  try {
    for await (const batch of batches) {
      yield batch;
      bytes += batch instanceof Uint8Array
        ? batch.length
        : batch.reduce((sum, text) => sum + text.length, 0);
      line.show(`${formatBytes(bytes)} read`);
    }
  } finally {
    line.wipe();
  }
}

/** The batches of a file's rows. @param isQuiet rows go to the terminal too */
export async function* withRecordProgress(
  records: RecordStream,
  name: string,
  isQuiet = false,
): AsyncGenerator<readonly SourceRecord[]> {
  if (isQuiet) return yield* records;
  const line = terminalLine();
  try {
    for await (const batch of records) {
      yield batch;
      const [read, total] = [records.bytesRead, records.bytesTotal].map(formatBytes);
      line.show(`${name}: ${read} of ${total} read`);
    }
  } finally {
    line.wipe();
  }
}
