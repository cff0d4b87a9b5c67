/**
 * The first half of a training: documents are normalised, cut into words, counted and cut into segments.
 */
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatBytes } from "../../base/mod.ts";
import type { UnigramConfig } from "./config.ts";
import { WordCounting } from "./count_words.ts";
import { normalizerOf } from "./normalizer.ts";
import { cutIntoSegments, type Segments } from "./segments.ts";
import type { Threads } from "./threads.ts";
import type { CountingState, TrainingCheckpoint } from "./training_checkpoint.ts";
import type { Documents, TrainingOptions } from "./training_options.ts";

const defaultMemoryBytes = 512 * 2 ** 20;
const defaultCheckpointBytes = 512 * 2 ** 20;
/** Documents between two looks at the signal and the log. */
const documentsAtOnce = 64;

/** Counts the segments of documents, or takes them from the checkpoint of an earlier attempt. */
export async function readSegments(
  documents: Documents,
  config: UnigramConfig,
  threads: Threads,
  checkpoint: TrainingCheckpoint | undefined,
  options: TrainingOptions,
): Promise<Segments> {
  const found = checkpoint?.readSegments();
  if (found !== undefined) return found;
  const budgetBytes = options.memoryBytes ?? defaultMemoryBytes;
  using scratch = new ScratchFolder(checkpoint?.folder);
  const before = checkpoint?.readCounting() ?? { documents: 0, bytes: 0, runs: [] };
  const counting = new WordCounting({
    splitByWhitespace: config.splitByWhitespace,
    threads,
    budgetBytes: budgetBytes / 2,
    folder: scratch.path,
    runs: before.runs.map((name) => join(scratch.path, name)),
    name: `words-${before.documents}`,
  });
  await addDocuments(documents, counting, before, config, checkpoint, options);
  const words = await counting.result();
  const segments = cutIntoSegments(words, config, {
    budgetBytes: budgetBytes / 2,
    folder: scratch.path,
    name: "segments",
  });
  checkpoint?.writeSegments(segments);
  options.log?.info("counted", { segments: segments.counts.length });
  return segments;
}

async function addDocuments(
  documents: Documents,
  counting: WordCounting,
  before: CountingState,
  config: UnigramConfig,
  checkpoint: TrainingCheckpoint | undefined,
  { log, signal, checkpointBytes = defaultCheckpointBytes, totalBytes }: TrainingOptions,
): Promise<void> {
  const total = Math.min(config.maxTextBytes, totalBytes ?? Infinity);
  const normalize = normalizerOf(config);
  const texts = splitterOf(config.userDefinedSymbols);
  counting.bytes = before.bytes;
  if (counting.bytes >= config.maxTextBytes) return;
  let savedBytes = before.bytes;
  let read = 0;
  const save = async (): Promise<void> => {
    if (checkpoint === undefined || read <= before.documents) return;
    savedBytes = counting.bytes;
    const runs = await counting.spill();
    checkpoint.writeCounting({
      documents: read,
      bytes: counting.bytes,
      runs: runs.map((path) => path.slice(checkpoint.folder.length + 1)),
    });
  };
  for await (const { text } of documents) {
    if (++read <= before.documents) continue;
    // As in encoding: what a symbol cuts is normalised apart.
    for (const part of texts(text)) await counting.add(normalize(part));
    if (counting.bytes >= config.maxTextBytes) {
      log?.info(`stopped reading at maxTextBytes (${formatBytes(config.maxTextBytes)})`);
      break;
    }
    if (counting.bytes - savedBytes >= checkpointBytes) await save();
    if (read % documentsAtOnce > 0) continue;
    if (signal?.aborted) break;
    if (Number.isFinite(total)) {
      log?.progress?.({ done: Math.min(counting.bytes, total), total, unit: "bytes" });
    }
  }
  if (signal?.aborted) await save();
  signal?.throwIfAborted();
}

/** A function that cuts a text at symbols, the longest first where several begin. */
function splitterOf(symbols: readonly string[]): (text: string) => readonly string[] {
  if (symbols.length === 0) return (text) => [text];
  const longestFirst = symbols.toSorted((a, b) => b.length - a.length);
  const pattern = longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|");
  const expression = new RegExp(pattern, "u");
  return (text) => text.split(expression);
}

/** The folder of a checkpoint, or one of its own that is made when first used and goes at the end. */
class ScratchFolder implements Disposable {
  readonly path: string;
  readonly #isOwn: boolean;

  constructor(checkpointFolder: string | undefined) {
    this.#isOwn = checkpointFolder === undefined;
    this.path = checkpointFolder ?? join(tmpdir(), `dept-${crypto.randomUUID()}`);
  }

  [Symbol.dispose](): void {
    if (this.#isOwn) rmSync(this.path, { recursive: true, force: true });
  }
}
