/** Training against `spm_train`: time, peak memory; text that repeats itself. */
import { join } from "node:path";
import { formatBytes } from "../../base/mod.ts";
import { type BenchOptions, type Cell, formatCell } from "./cell.ts";
import { median } from "../timing.ts";
import { trainOurs, trainReference } from "./processes.ts";
import { readTexts, sourceNames } from "../../tests/support/data.ts";
import { randomWords, repetitiveText } from "./texts.ts";

const vocabSize = 8000;
/** A reference that needs longer than this on repetitive text counts as hanging. */
const hangSeconds = 120;
const leastMemory = 250e6;

export async function trainingCells(options: BenchOptions): Promise<Cell[]> {
  const sources = sourceNames(options.data);
  const both = (names: readonly string[]) =>
    names.flatMap((source) =>
      (["train", "validation"] as const).flatMap((split) => readTexts(options.data, source, split))
    ).join("\n");
  const corpora: readonly [name: string, target: number | undefined, text: () => string][] = [
    ["English novels", 8, () => both(["domains/literature"])],
    ["whole corpus", 8, () => both(sources)],
    ["Chinese", 4, () => both(["multilingual/zh"])],
    ["Italian", undefined, () => both(["multilingual/it"])],
    ["code", undefined, () => both(["domains/code"])],
    ["random words", undefined, () => randomWords(10e6)],
  ];
  const cells: Cell[] = [];
  for (const [name, target, text] of corpora) {
    if (!`train ${name}`.includes(options.filter)) continue;
    const input = join(options.scratch, "corpus.txt");
    Deno.writeTextFileSync(input, text());
    for (const threads of new Set([options.threads, 1])) {
      cells.push(...await compare(`train ${name}`, input, threads, target, options));
    }
  }
  if ("train repetitive".includes(options.filter)) cells.push(await repetitive(options));
  return cells;
}

async function compare(
  name: string,
  input: string,
  threads: number,
  target: number | undefined,
  { rounds, scratch, say }: BenchOptions,
): Promise<Cell[]> {
  const output = join(scratch, "model");
  const ours: number[] = [];
  const theirs: number[] = [];
  const cpuRatios: number[] = [];
  let [ownPeak, theirPeak] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const job = { input, vocabSize, threads, output };
    const own = await trainOurs(job);
    if (!own.success) throw new Error(`Our training has failed: ${own.errors}`);
    const their = await trainReference(job);
    if (!their.success) throw new Error(`spm_train has failed: ${their.errors}`);
    ours.push(own.seconds);
    theirs.push(their.seconds);
    cpuRatios.push(their.cpuSeconds / own.cpuSeconds);
    ownPeak = Math.max(ownPeak, own.peakBytes);
    theirPeak = Math.max(theirPeak, their.peakBytes);
  }
  const size = formatBytes(Deno.statSync(input).size);
  const cells: Cell[] = [
    {
      cell: `${name}, ${size}, ${threads} thread${threads === 1 ? "" : "s"}`,
      ours: `${median(ours).toFixed(2)} s`,
      theirs: `${median(theirs).toFixed(2)} s`,
      ratio: median(theirs.map((seconds, i) => seconds / ours[i])),
      cpuRatio: median(cpuRatios),
      target,
    },
    {
      cell: `  peak memory`,
      ours: formatBytes(ownPeak),
      theirs: formatBytes(theirPeak),
      ratio: Math.max(theirPeak, leastMemory) / ownPeak,
      target: 1,
      note: `allowed: SentencePiece's or ${formatBytes(leastMemory)}`,
    },
  ];
  for (const cell of cells) say(formatCell(cell));
  return cells;
}

async function repetitive({ scratch, threads, say }: BenchOptions): Promise<Cell> {
  const input = join(scratch, "repetitive.txt");
  Deno.writeTextFileSync(input, repetitiveText(20e6));
  // One letter and nine words do not fill 8,000 pieces.
  const job = { input, vocabSize: 280, threads, output: join(scratch, "repetitive") };
  const own = await trainOurs(job);
  if (!own.success) throw new Error(`Our training has failed: ${own.errors}`);
  const their = await trainReference(job, hangSeconds);
  const cell: Cell = {
    cell: `train repetitive text, ${formatBytes(Deno.statSync(input).size)}`,
    ours: `${own.seconds.toFixed(2)} s`,
    theirs: their.timedOut ? `> ${hangSeconds} s` : `${their.seconds.toFixed(2)} s`,
    ratio: their.seconds / own.seconds,
    target: 1,
    note: their.timedOut ? "stopped" : their.success ? "" : "SentencePiece failed",
  };
  say(formatCell(cell));
  return cell;
}
