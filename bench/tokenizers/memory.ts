/** Training on more text than memory holds: whether it stays within the 2 GB that are promised. */
import { formatBytes } from "../../base/mod.ts";
import { type BenchOptions, type Cell, formatCell } from "./cell.ts";
import { measure } from "./processes.ts";

const vocabSize = 32_000;
const allowedBytes = 2e9;

/** `--gigabytes` of varied text, made while it is read. Peak memory is that of the process with all its threads. */
export async function memoryCells(options: BenchOptions): Promise<Cell[]> {
  const { data, gigabytes, threads, say } = options;
  const script = new URL("train_generated.ts", import.meta.url).pathname;
  const run = await measure(Deno.execPath(), [
    ...["run", "-A", "--no-check", "--quiet", script, data],
    ...[gigabytes * 1e9, vocabSize, threads].map(String),
  ]);
  if (!run.success) throw new Error(`Our training has failed: ${run.errors}`);
  const cell: Cell = {
    cell: `train ${gigabytes} GB of varied text, ${threads} threads`,
    ours: formatBytes(run.peakBytes),
    theirs: `limit ${formatBytes(allowedBytes)}`,
    ratio: allowedBytes / run.peakBytes,
    target: 1,
    note: `peak memory; ${run.seconds.toFixed(0)} s`,
  };
  say(formatCell(cell));
  return [cell];
}
