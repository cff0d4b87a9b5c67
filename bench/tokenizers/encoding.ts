/**
 * Encoding against `spm_encode` (with the same model) and npm `tokenizers` (with the same tokenizer.json): speed in the library,
 * of the whole command, over workers, and of building the tables.
 *
 * In the library: from bytes in memory to ids in memory, a new tokenizer with an empty cache in each round, one thread. The
 * reference is its command on one thread, with what it reads and writes.
 */
import { Buffer } from "node:buffer";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer as NpmTokenizer } from "tokenizers";
import {
  saveTokenizer,
  trainUnigram,
  unigramDefaults,
  UnigramTokenizer,
} from "../../tokenizers/mod.ts";
import { EncodePool } from "../../tokenizers/parallel/mod.ts";
import { loadSentencePiece } from "../../tokenizers/sentencepiece/mod.ts";
import { type BenchOptions, type Cell, formatCell } from "./cell.ts";
import { median, timeTasks } from "../timing.ts";
import { measure, type Run, threadSeconds } from "./processes.ts";
import { readTexts, sourceNames } from "../../tests/support/data.ts";
import { randomWords } from "./texts.ts";

const vocabSize = 8000;
const megabyte = 1e6;
/** Warm-up passes: the runtime compiles while the first few run. */
const warmUps = 4;

interface Corpus {
  readonly name: string;
  readonly target: number;
  /** What the model is learned from. */
  readonly source: string;
  text(options: BenchOptions): string;
}

const corpora: readonly Corpus[] = [
  corpus("English", 10, "domains/literature"),
  corpus("code", 10, "domains/code"),
  corpus("Italian", 6, "multilingual/it"),
  corpus("Chinese", 6, "multilingual/zh"),
  { name: "random words", target: 5, source: "domains/literature", text: () => randomWords(10e6) },
];

function corpus(name: string, target: number, source: string): Corpus {
  return { name, target, source, text: ({ data }) => textOf(data, source) };
}

export async function encodingCells(options: BenchOptions): Promise<Cell[]> {
  const { say, filter } = options;
  const cells: Cell[] = [];
  const add = (cell: Cell) => {
    say(formatCell(cell));
    cells.push(cell);
  };
  for (const one of corpora) {
    if (!`encode ${one.name}`.includes(filter)) continue;
    const model = await modelOf(one.source, options);
    for (const exactTies of [false, true]) add(await inLibrary(one, model, exactTies, options));
  }
  for (const exactTies of [false, true]) {
    if ("encode command".includes(filter)) add(await wholeCommand(exactTies, options));
  }
  if ("encode two workers".includes(filter)) add(await twoWorkers(options));
  if ("encode npm".includes(filter)) {
    add(await againstNpm(options));
    add(await commandAgainstNpm(options));
  }
  if ("encode tables".includes(filter)) { for (const cell of await tables(options)) add(cell); }
  return cells;
}

async function inLibrary(
  { name, target, text }: Corpus,
  model: string,
  exactTies: boolean,
  options: BenchOptions,
): Promise<Cell> {
  const file = join(options.scratch, "text.txt");
  Deno.writeTextFileSync(file, text(options));
  const bytes = Deno.readFileSync(file);
  const ours: Times[] = [];
  const theirs: Times[] = [];
  const pass = () => {
    const tokenizer = loadSentencePiece(model, { exactTies });
    return timed(() => void tokenizer.encodeLines(bytes));
  };
  for (let i = 0; i < warmUps; i++) pass();
  for (let round = 0; round < options.rounds; round++) {
    ours.push(pass());
    theirs.push(await spmEncode(model, file));
  }
  const speed = (times: readonly Times[]) =>
    `${(bytes.length / megabyte / median(times.map(({ seconds }) => seconds))).toFixed(1)} MB/s`;
  return {
    cell: `encode ${name}${exactTies ? ", exact ties" : ""}`,
    ours: speed(ours),
    theirs: speed(theirs),
    ...ratios(ours, theirs),
    target,
    note: `${(bytes.length / megabyte).toFixed(1)} MB`,
  };
}

/** `tokenizer encode` on 100 MB, start-up included. */
async function wholeCommand(exactTies: boolean, options: BenchOptions): Promise<Cell> {
  const model = await modelOf("domains/literature", options);
  const file = hundredMegabytes(options);
  const args = ["--tokenizer", model, "--input", file];
  if (exactTies) args.push("--exact-ties");
  const ours: Times[] = [];
  const theirs: Times[] = [];
  for (let round = 0; round < options.rounds; round++) {
    ours.push(await ourCommand(args));
    theirs.push(await spmEncode(model, file));
  }
  const shown = (times: readonly Times[]) =>
    `${median(times.map(({ seconds }) => seconds)).toFixed(2)} s`;
  return {
    cell: `encode command, 100 MB${exactTies ? ", exact ties" : ""}`,
    ours: shown(ours),
    theirs: shown(theirs),
    ...ratios(ours, theirs),
    target: 6,
  };
}

/** 100 MB in the library with two workers against one, all of them warm. */
async function twoWorkers(options: BenchOptions): Promise<Cell> {
  const model = await modelOf("domains/literature", options);
  const bytes = Deno.readFileSync(hundredMegabytes(options));
  const run = async (threads: number) => {
    using pool = await EncodePool.open(model, { threads });
    const requests = function* () {
      for (let at = 0, to = 0; at < bytes.length; at = to) {
        to = bytes.indexOf(0x0a, Math.min(at + (1 << 20), bytes.length - 1)) + 1;
        yield { input: bytes.slice(at, to), invalid: "error" } as const;
      }
    };
    let ids = 0;
    const encode = async () => {
      ids = 0;
      for await (const { lines } of pool.encode(requests())) ids += lines!.ids.length;
    };
    // The first pass is not measured: threads start, and the runtime compiles in each of them.
    const { encode: { seconds } } = await timeTasks(
      { encode },
      { iterations: options.rounds, warmUps: 1 },
    );
    return { seconds, ids };
  };
  const [one, two] = [await run(1), await run(2)];
  if (one.ids !== two.ids) throw new Error(`Two workers gave ${two.ids} ids, one ${one.ids}`);
  return secondsCell("encode two workers against one, 100 MB", [two.seconds], [one.seconds], 1.6);
}

/** One of our own vocabularies, of English, in both libraries. */
async function sharedVocabulary({ data, scratch }: BenchOptions) {
  const texts = readTexts(data, "domains/literature", "train");
  const tokenizer = await trainUnigram(texts.map((text) => ({ text })), {
    ...unigramDefaults,
    vocabSize,
  });
  saveTokenizer(scratch, tokenizer);
  return { texts, tokenizer, npm: NpmTokenizer.fromFile(join(scratch, "tokenizer.json")) };
}

/** Documents of English. */
async function againstNpm(options: BenchOptions): Promise<Cell> {
  const { texts, tokenizer, npm } = await sharedVocabulary(options);
  const { ours, theirs } = await timeTasks({
    // A new tokenizer each time: its cache is empty.
    ours: () => new UnigramTokenizer(tokenizer.learned, tokenizer.settings).encodeBatch(texts),
    theirs: () => encodeByNpm(npm, texts),
  }, { iterations: options.rounds, warmUps });
  return secondsCell("encode npm tokenizers, English", [ours.seconds], [theirs.seconds], 25);
}

/** `tokenizer encode` on 100 MB, start-up included, against the speed of the library on every tenth line. */
async function commandAgainstNpm(options: BenchOptions): Promise<Cell> {
  const { npm } = await sharedVocabulary(options);
  const file = hundredMegabytes(options);
  const text = Deno.readTextFileSync(file);
  const lines = text.split("\n").filter((_, i) => i % 10 === 0);
  const part = Buffer.byteLength(lines.join("\n")) / Deno.statSync(file).size;
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    ours.push((await ourCommand(["--tokenizer", options.scratch, "--input", file])).seconds);
    const start = performance.now();
    await encodeByNpm(npm, lines);
    theirs.push((performance.now() - start) / 1000 / part);
  }
  return secondsCell("encode npm tokenizers, command, 100 MB", ours, theirs, 25);
}

/** One text at a time: a batch would use all cores, ours uses one. */
async function encodeByNpm(npm: NpmTokenizer, texts: readonly string[]): Promise<void> {
  for (const text of texts) (await npm.encode(text, null, { addSpecialTokens: false })).getIds();
}

/** Building the tables of a tokenizer from its pieces; the ratio is the limit over the time. */
async function tables({ data, rounds }: BenchOptions): Promise<Cell[]> {
  const text = sourceNames(data).map((source) => textOf(data, source).slice(0, 2e6)).join("\n");
  const cells: Cell[] = [];
  for (const [size, limitMs] of [[32_000, 50], [250_000, 500]]) {
    const texts = new Set<string>();
    for (let i = 0; texts.size < size; i++) {
      const at = (i * 7919) % (text.length - 16);
      texts.add(text.slice(at, at + 1 + i % 9).replaceAll("▁", "").toWellFormed() || "a");
    }
    const learned = [...texts].map((text, i) => ({ text, logProb: -1 - i / size }));
    const { build: { seconds } } = await timeTasks(
      { build: () => new UnigramTokenizer(learned).encode("a") }, // the first text finishes them
      { iterations: rounds, warmUps: 0 },
    );
    const ms = 1000 * seconds;
    cells.push({
      cell: `encode tables of ${size} pieces`,
      ours: `${ms.toFixed(0)} ms`,
      theirs: `limit ${limitMs} ms`,
      ratio: limitMs / ms,
      target: 1,
    });
  }
  return cells;
}

const models = new Map<string, string>();

/** A model of SentencePiece's own, with its defaults, learned from a source. */
async function modelOf(source: string, { data, scratch }: BenchOptions): Promise<string> {
  const prefix = join(scratch, source.replace("/", "-"));
  if (models.has(prefix)) return models.get(prefix)!;
  const input = `${prefix}.txt`;
  Deno.writeTextFileSync(input, textOf(data, source));
  const run = await measure("spm_train", [
    `--input=${input}`,
    `--model_prefix=${prefix}`,
    `--vocab_size=${vocabSize}`,
    "--minloglevel=2",
  ]);
  if (!run.success) throw new Error(`spm_train has failed: ${run.errors}`);
  models.set(prefix, `${prefix}.model`);
  return `${prefix}.model`;
}

/** How long something took, by the clock and on processors. */
type Times = Pick<Run, "seconds" | "cpuSeconds">;

/** Of something that only this thread does. */
function timed(act: () => void): Times {
  const [start, cpuStart] = [performance.now(), threadSeconds()];
  act();
  const cpuSeconds = threadSeconds() - cpuStart;
  return { seconds: (performance.now() - start) / 1000, cpuSeconds };
}

/** Seconds of rounds, and the median of their ratios. */
function secondsCell(
  cell: string,
  ours: readonly number[],
  theirs: readonly number[],
  target: number,
): Cell {
  const shown = (seconds: readonly number[]) => `${median(seconds).toPrecision(3)} s`;
  const ratio = median(ours.map((seconds, i) => theirs[i] / seconds));
  return { cell, ours: shown(ours), theirs: shown(theirs), ratio, target };
}

/** Median ratios of rounds. */
function ratios(
  ours: readonly Times[],
  theirs: readonly Times[],
): Pick<Cell, "ratio" | "cpuRatio"> {
  const of = (field: keyof Times) =>
    median(ours.map((times, round) => theirs[round][field] / times[field]));
  return { ratio: of("seconds"), cpuRatio: of("cpuSeconds") };
}

/** `tokenizer encode`, on one core. */
async function ourCommand(args: readonly string[]): Promise<Run> {
  const script = new URL("../../commands/tokenizer.ts", import.meta.url).pathname;
  const options = ["run", "-A", "--no-check", "--quiet", script, "encode"];
  const run = await measure(Deno.execPath(), [...options, ...args]);
  if (!run.success) throw new Error(`Our command has failed: ${run.errors}`);
  return run;
}

/** `spm_encode`, on one core. */
async function spmEncode(model: string, file: string): Promise<Run> {
  const run = await measure("spm_encode", [`--model=${model}`, "--output_format=id", file]);
  if (!run.success) throw new Error(`spm_encode has failed: ${run.errors}`);
  return run;
}

function textOf(data: string, source: string): string {
  return readTexts(data, source, "train").join("\n") + "\n";
}

/** All sources, over and over: 100 MB, up to the end of a line. */
function hundredMegabytes({ data, scratch }: BenchOptions): string {
  const path = join(scratch, "hundred.txt");
  if (existsSync(path)) return path;
  const all = new TextEncoder().encode(sourceNames(data).map((s) => textOf(data, s)).join(""));
  const bytes = new Uint8Array(100 * megabyte);
  for (let at = 0; at < bytes.length; at += all.length) {
    bytes.set(all.subarray(0, bytes.length - at), at);
  }
  Deno.writeFileSync(path, bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1));
  return path;
}
