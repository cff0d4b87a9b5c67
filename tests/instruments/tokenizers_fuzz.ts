/**
 * Reads damaged tokenizers: each must be refused with a clear error or encode and decode a text, and never hang.
 * Then encodes awkward lines, whole and with damaged bytes, with models of SentencePiece's and of ours, against `spm_encode`;
 * and normalises all text of a data folder by compiled rules.
 *
 *     deno task instruments tokenizers-fuzz [--count 20000] [--first 0] [--lines 20000] [--seed 17] [--data DIR] [--json]
 */
import { parseArgs } from "node:util";
import { join } from "node:path";
import { messageOf, StageError } from "../../base/mod.ts";
import {
  openTokenizer,
  saveTokenizer,
  trainUnigram,
  unigramDefaults,
  type UnigramTokenizer,
} from "../../tokenizers/mod.ts";
import {
  loadSentencePiece,
  saveSentencePiece,
  sentencePieceModelOf,
} from "../../tokenizers/sentencepiece/mod.ts";
import { charsmapOf } from "../tokenizers/charsmaps.ts";
import { rangeOf, rangeOptions } from "./fuzz_range.ts";
import { bpeFile, unigramFile, wordLevelFile, wordPieceFile } from "./foreign_files.ts";
import { damaged, fuzzLines } from "./awkward_lines.ts";
import { lacksSpm, spmEncode, spmTrain } from "../support/spm.ts";
import { countNormalForms } from "./normal_forms.ts";
import { mutated, restructured, type Sample } from "./mutations.ts";
import { wholeNumber } from "../../commands/option_values.ts";

/** A busy machine takes a second to start the library that some files need. */
const limitMs = 10_000;
const text = "the cat  sat on\tthe mat, ﬁné… 山水 жало e\u0301 😀\u0000";

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...rangeOptions, // 2,000 of each file
      lines: { type: "string", default: "20000" },
      data: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const { count, first, seed } = rangeOf(values);
  const lines = wholeNumber("--lines", values.lines, 0);
  const folder = Deno.makeTempDirSync({ prefix: "dept-fuzz-" });
  try {
    const { files, models } = await samples(folder);
    const damage = await fuzz(files, folder, count, first, seed);
    if (!values.json) console.log(summary(damage));
    const parity = lacksSpm ? [] : models.map((model) => compare(folder, model, lines));
    if (!values.json) { for (const one of parity) console.log(compared(one)); }
    const forms = values.data === undefined ? [] : countNormalForms(values.data);
    if (values.json) console.log(JSON.stringify({ ...damage, parity, forms }));
    for (const { rule, spelling, lines, changed, differing } of values.json ? [] : forms) {
      console.log(
        `${rule}, ${spelling}: of ${lines} lines ${changed} change, ${differing} differ by compiled rules`,
      );
    }
    if (damage.failures.length > 0 || parity.some(({ differing }) => differing > 0)) {
      Deno.exitCode = 1;
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

interface TokenizerFuzzResult {
  readonly files: number;
  /** Files that could be used all the same. */
  readonly used: number;
  readonly refused: number;
  readonly slowestMs: number;
  /** With the number that makes it again (`--first N --count 1 --lines 0`). */
  readonly failures: readonly string[];
}

interface Parity {
  readonly model: string;
  readonly lines: number;
  /** Lines whose ids are not `spm_encode`'s with exact ties, and without. */
  readonly differing: number;
  readonly ties: number;
  /** Of a vocabulary of ours that was written as this model: lines without damage and without `▁` that it gives other ids. */
  readonly vocabulary?: number;
}

/** A model's file, and the vocabulary that it was written from. */
interface Model {
  readonly name: string;
  readonly vocabulary?: UnigramTokenizer;
}

function summary({ files, used, refused, slowestMs, failures }: TokenizerFuzzResult): string {
  return [
    `${files} damaged tokenizers: ${refused} refused, ${used} usable, slowest ${
      slowestMs.toFixed(0)
    } ms, ` +
    `${failures.length} failures`,
    ...failures.slice(0, 10),
  ].join("\n");
}

function compared({ model, lines, differing, ties, vocabulary }: Parity): string {
  return `${model}: of ${lines} awkward lines ${differing} differ from spm_encode with exact ties, ${ties} without` +
    (vocabulary === undefined ? "" : `; our own vocabulary on the undamaged half: ${vocabulary}`);
}

/** Tokenizers of ours, small ones of other kinds, and, where SentencePiece is installed, models of its own with rules. */
async function samples(folder: string): Promise<{ files: Sample[]; models: Model[] }> {
  const words = "the cat sat on the mat and the dog sat on the log жало вода 山水 fine né ".repeat(
    40,
  );
  const documents = Array.from({ length: 20 }, (_, i) => ({ text: words.slice(i) }));
  const models: Model[] = [];
  for (const normalizationRule of ["identity", "nfc", "nmt_nfkc"] as const) {
    const flags = { normalizationRule, addDummyPrefix: true, removeExtraWhitespaces: true };
    const ours = await trainUnigram(documents, { ...unigramDefaults, vocabSize: 310, ...flags });
    if (normalizationRule === "identity") saveTokenizer(folder, ours);
    const name = `ours-${normalizationRule}.model`;
    saveSentencePiece(join(folder, name), sentencePieceModelOf(ours));
    models.push({ name, vocabulary: ours });
  }
  const others = {
    bpe: bpeFile(),
    wordpiece: wordPieceFile(),
    wordlevel: wordLevelFile(),
    unigram: unigramFile(charsmapOf({ "ﬁ": "fi", "…": "...", "e\u0301": "é" })),
  };
  for (const [name, file] of Object.entries(others)) {
    Deno.writeTextFileSync(join(folder, `${name}.json`), JSON.stringify(file));
  }
  if (lacksSpm) console.error("spm_train is not installed: only files of our own are damaged");
  else {
    const corpus = join(folder, "corpus.txt");
    Deno.writeTextFileSync(corpus, words.replaceAll("and", "and\n"));
    for (const rule of ["nmt_nfkc", "identity"]) {
      const options = [`--normalization_rule_name=${rule}`, "--hard_vocab_limit=false"];
      spmTrain(folder, rule, corpus, "--vocab_size=60", ...options);
      models.push({ name: `${rule}.model` });
    }
  }
  const json = Object.keys(others).map((name) => `${name}.json`);
  const names = ["tokenizer.json", ...json, ...models.map(({ name }) => name)];
  const files = names.map((name) => ({ name, bytes: Deno.readFileSync(join(folder, name)) }));
  return { files, models };
}

async function fuzz(
  all: readonly Sample[],
  folder: string,
  count: number,
  first: number,
  seed: number,
): Promise<TokenizerFuzzResult> {
  const json = all.filter(({ name }) => name.endsWith(".json"));
  const failures: string[] = [];
  let [used, refused, slowestMs] = [0, 0, 0];
  for (let index = first; index < first + count; index++) {
    const { name, bytes } = index % 8 === 7
      ? restructured(json[(index >> 3) % json.length], seed, index)
      : mutated(all, seed, index);
    const isModel = name.endsWith(".model");
    const path = join(folder, isModel ? "bad.model" : "bad.json");
    Deno.writeFileSync(path, bytes);
    const start = performance.now();
    try {
      using tokenizer = await openTokenizer(path, { exactTies: isModel && index % 2 === 0 });
      const ids = tokenizer.encode(text);
      if (ids.some((id) => id < 0 || id >= tokenizer.vocabSize)) {
        throw new Error("ids out of range");
      }
      tokenizer.decode(ids);
      tokenizer.encodeWithOffsets(text);
      used++;
    } catch (error) {
      if (error instanceof StageError && error.message.includes("expected")) refused++;
      else failures.push(`${name}, --first ${index}: ${messageOf(error)}`);
    }
    const ms = performance.now() - start;
    slowestMs = Math.max(slowestMs, ms);
    if (ms > limitMs) failures.push(`${name}, --first ${index}: ${ms.toFixed(0)} ms`);
  }
  return { files: count, used, refused, slowestMs, failures };
}

/** Awkward lines, half of them with bytes that are not UTF-8. */
function compare(folder: string, { name, vocabulary }: Model, count: number): Parity {
  const model = join(folder, name);
  const whole = fuzzLines(count / 2, "whole");
  const utf8 = (lines: readonly string[]) =>
    new TextEncoder().encode(lines.map((line) => line + "\n").join(""));
  const file = join(folder, "lines.txt");
  const halves = [utf8(whole), damaged(utf8(fuzzLines(count / 2, "damaged")))];
  const bytes = new Uint8Array(halves.flatMap((half) => [...half]));
  Deno.writeFileSync(file, bytes);
  const expected = spmEncode(model, file);
  const differing = (exactTies: boolean) => {
    const { ids, ends } = loadSentencePiece(model, { exactTies }).encodeLines(bytes, "replace");
    return expected.filter((line, i) => line !== ids.subarray(ends[i - 1] ?? 0, ends[i]).join(" "))
      .length;
  };
  const own = whole.filter((line, i) =>
    vocabulary !== undefined && !line.includes("▁") &&
    vocabulary.encode(line).join(" ") !== expected[i]
  );
  return {
    model: name,
    lines: expected.length,
    differing: differing(true),
    ties: differing(false),
    ...vocabulary === undefined ? {} : { vocabulary: own.length },
  };
}
