/**
 * Encoding against `spm_encode` (with the same model) and npm `tokenizers` (with the same tokenizer.json): speed in the library,
 * and of the whole command.
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
import { joinTexts } from "../../tokenizers/parallel/mod.ts";
import { loadSentencePiece } from "../../tokenizers/sentencepiece/mod.ts";
import { type BenchOptions, type Cell, compare, formatCell, type Times } from "./cell.ts";
import { measure, timed } from "./processes.ts";
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
  if ("encode npm".includes(filter)) {
    add(await againstNpm(options));
    add(await commandAgainstNpm(options));
  }
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
  const pass = () => {
    const tokenizer = loadSentencePiece(model, { exactTies });
    return timed(() => tokenizer.encodeLines(bytes));
  };
  for (let i = 0; i < warmUps; i++) await pass();
  const megabytes = bytes.length / megabyte;
  const { cell } = await compare(
    { cell: `encode ${name}${exactTies ? ", exact ties" : ""}`, target },
    options,
    pass,
    () => spmEncode(model, file),
    (seconds) => `${(megabytes / seconds).toFixed(1)} MB/s`,
  );
  return { ...cell, note: `${megabytes.toFixed(1)} MB` };
}

/** `tokenizer encode` on 100 MB, start-up included. */
async function wholeCommand(exactTies: boolean, options: BenchOptions): Promise<Cell> {
  const model = await modelOf("domains/literature", options);
  const file = hundredMegabytes(options);
  const args = ["--tokenizer", model, "--input", file, ...exactTies ? ["--exact-ties"] : []];
  const { cell } = await compare(
    { cell: `encode command, 100 MB${exactTies ? ", exact ties" : ""}`, target: 6 },
    options,
    () => ourCommand(args),
    () => spmEncode(model, file),
  );
  return cell;
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
  // A new tokenizer each time: its cache is empty.
  const pass = () =>
    timed(() =>
      new UnigramTokenizer(tokenizer.learned, tokenizer.settings).encodeTexts(joinTexts(texts))
    );
  for (let i = 0; i < warmUps; i++) await pass();
  const names = { cell: "encode npm tokenizers, English", target: 25 };
  return (await compare(names, options, pass, () => timed(() => encodeByNpm(npm, texts)))).cell;
}

/** `tokenizer encode` on 100 MB, start-up included, against the speed of the library on every tenth line. */
async function commandAgainstNpm(options: BenchOptions): Promise<Cell> {
  const { npm } = await sharedVocabulary(options);
  const file = hundredMegabytes(options);
  const lines = Deno.readTextFileSync(file).split("\n").filter((_, i) => i % 10 === 0);
  const part = Buffer.byteLength(lines.join("\n")) / Deno.statSync(file).size;
  const { cell } = await compare(
    { cell: "encode npm tokenizers, command, 100 MB", target: 25 },
    options,
    () => ourCommand(["--tokenizer", options.scratch, "--input", file]),
    async () => {
      const { seconds, cpuSeconds } = await timed(() => encodeByNpm(npm, lines));
      return { seconds: seconds / part, cpuSeconds: cpuSeconds / part };
    },
  );
  return cell;
}

/** One text at a time: a batch would use all cores, ours uses one. */
async function encodeByNpm(npm: NpmTokenizer, texts: readonly string[]): Promise<void> {
  for (const text of texts) (await npm.encode(text, null, { addSpecialTokens: false })).getIds();
}

const models = new Map<string, string>();

/** A model of SentencePiece's own, with its defaults, learned from a source. */
async function modelOf(source: string, { data, scratch }: BenchOptions): Promise<string> {
  const prefix = join(scratch, source.replace("/", "-"));
  if (models.has(prefix)) return models.get(prefix)!;
  const input = `${prefix}.txt`;
  Deno.writeTextFileSync(input, textOf(data, source));
  await measure("spm_train", [
    `--input=${input}`,
    `--model_prefix=${prefix}`,
    `--vocab_size=${vocabSize}`,
    "--minloglevel=2",
  ]);
  models.set(prefix, `${prefix}.model`);
  return `${prefix}.model`;
}

/** `tokenizer encode`, on one core. */
function ourCommand(args: readonly string[]): Promise<Times> {
  const script = new URL("../../commands/tokenizer.ts", import.meta.url).pathname;
  const options = ["run", "-A", "--no-check", "--quiet", script, "encode"];
  return measure(Deno.execPath(), [...options, ...args]);
}

/** `spm_encode`, on one core. */
function spmEncode(model: string, file: string): Promise<Times> {
  return measure("spm_encode", [`--model=${model}`, "--output_format=id", file]);
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
