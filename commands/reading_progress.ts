/**
 * How much of a long text has been read, on a terminal's last line.
 */
import { formatBytes, shownText, writeAll } from "../base/mod.ts";
import type { RecordStream, SourceRecord } from "../datasets/mod.ts";
import { cut, rowsOf, terminalSize } from "./live_lines.ts";
import type { TextBatch } from "./text_input.ts";

const everyMs = 500;

/** A last line of the terminal: `show` replaces its text, `wipe` removes it. Both do nothing if there is no terminal. */
export function terminalLine(): { show(text: string): void; wipe(): void } {
  if (!Deno.stderr.isTerminal()) return { show: () => {}, wipe: () => {} };
  let shownAt = performance.now();
  let shown = "";
  const write = (text: string) => writeAll(Deno.stderr, text);
  const wipe = () => {
    if (shown === "") return;
    const above = rowsOf(shown, terminalSize().columns) - 1;
    write(`\r${above > 0 ? `\x1b[${above}A` : ""}\x1b[J`);
    shown = "";
  };
  return {
    show(text) {
      if (performance.now() - shownAt < everyMs) return;
      shownAt = performance.now();
      wipe();
      shown = cut(shownText(text), terminalSize().columns - 1);
      write(shown);
    },
    wipe,
  };
}

/**
 * The same for a command that has nothing to keep: Ctrl-C and SIGTERM wipe the line and end the program. They are heard when the event
 * loop turns (`nextTick`).
 */
export function stoppableLine(): ReturnType<typeof terminalLine> & Disposable {
  const line = terminalLine();
  const stops = ([["SIGINT", 130], ["SIGTERM", 143]] as const).map(([signal, code]) =>
    [signal, () => {
      line.wipe();
      Deno.exit(code);
    }] as const
  );
  for (const [signal, stop] of stops) Deno.addSignalListener(signal, stop);
  return {
    ...line,
    [Symbol.dispose]() {
      line.wipe();
      for (const [signal, stop] of stops) Deno.removeSignalListener(signal, stop);
    },
  };
}

/** Passes batches of text on and shows how much was read. @param isQuiet Shows nothing: results go to the terminal too */
export function withProgress(
  batches: AsyncIterable<TextBatch>,
  isQuiet = false,
): AsyncGenerator<TextBatch> {
  let bytes = 0;
  return shown(batches, isQuiet, (batch) => {
    bytes += batch instanceof Uint8Array
      ? batch.length
      : batch.reduce((sum, text) => sum + text.length, 0);
    return `${formatBytes(bytes)} read`;
  });
}

/** The same for the batches of a file's rows. */
export function withRecordProgress(
  records: RecordStream,
  input: { readonly bytesRead: number; readonly size: number },
  name: string,
  isQuiet = false,
): AsyncGenerator<readonly SourceRecord[]> {
  return shown(records, isQuiet, () => {
    const [read, total] = [input.bytesRead, input.size].map(formatBytes);
    return `${name}: ${read} of ${total} read`;
  });
}

async function* shown<Batch>(
  batches: AsyncIterable<Batch>,
  isQuiet: boolean,
  textAfter: (batch: Batch) => string,
): AsyncGenerator<Batch> {
  if (isQuiet) return yield* batches;
  const line = terminalLine();
  try {
    for await (const batch of batches) {
      yield batch;
      line.show(textAfter(batch));
    }
  } finally {
    line.wipe();
  }
}
