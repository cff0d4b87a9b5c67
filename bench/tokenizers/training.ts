/** Training against `spm_train`: time and peak memory. */
import { join } from "node:path";
import { formatBytes } from "../../base/mod.ts";
import { type BenchOptions, type Cell, compare, formatCell } from "./cell.ts";
import { measure, type Run } from "./processes.ts";
import { readTexts, sourceNames } from "../../tests/support/data.ts";
import { randomWords } from "./texts.ts";

const vocabSize = 8000;
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
      const pair = await cellsOf(`train ${name}`, input, threads, target, options);
      for (const cell of pair) options.say(formatCell(cell));
      cells.push(...pair);
    }
  }
  return cells;
}

/** A training by both, told to look at all of the text as it is. */
async function cellsOf(
  name: string,
  input: string,
  threads: number,
  target: number | undefined,
  options: BenchOptions,
): Promise<Cell[]> {
  const output = join(options.scratch, "model");
  const script = new URL("train.ts", import.meta.url).pathname;
  const ours = [script, input, String(vocabSize), String(threads), output + ".json"];
  const reference = [
    `--input=${input}`,
    `--model_prefix=${output}`,
    `--vocab_size=${vocabSize}`,
    `--num_threads=${threads}`,
    "--byte_fallback=true",
    "--normalization_rule_name=identity",
    "--max_sentence_length=1000000",
    "--minloglevel=2",
  ];
  const size = formatBytes(Deno.statSync(input).size);
  const compared = await compare(
    { cell: `${name}, ${size}, ${threads} thread${threads === 1 ? "" : "s"}`, target },
    options,
    () => measure(Deno.execPath(), ["run", "-A", "--no-check", "--quiet", ...ours]),
    () => measure("spm_train", reference),
  );
  const peakOf = (runs: readonly Run[]) => Math.max(...runs.map(({ peakBytes }) => peakBytes));
  const [own, their] = [peakOf(compared.ours), peakOf(compared.theirs)];
  return [compared.cell, {
    cell: `  peak memory`,
    ours: formatBytes(own),
    theirs: formatBytes(their),
    ratio: Math.max(their, leastMemory) / own,
    target: 1,
    note: `allowed: SentencePiece's or ${formatBytes(leastMemory)}`,
  }];
}
