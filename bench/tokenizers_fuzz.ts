/**
 * Reads damaged tokenizers: each must be refused with a clear error or encode and decode a text, in no more than a second.
 *
 *     deno task bench tokenizers-fuzz [--count 12000] [--first 0] [--seed 17] [--json]
 */
import { parseArgs } from "node:util";
import { join } from "node:path";
import { messageOf, StageError } from "../pipeline/base/mod.ts";
import {
  loadTokenizerFile,
  saveTokenizer,
  trainUnigram,
  unigramDefaults,
} from "../tokenizers/mod.ts";
import {
  loadSentencePiece,
  saveSentencePiece,
  sentencePieceModelOf,
} from "../tokenizers/sentencepiece/mod.ts";
import { mutated, type Sample } from "./_mutations.ts";

const limitMs = 1000;
const text = "the cat  sat on\tthe mat, ﬁné… 山水 жало e\u0301 😀\u0000";

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      count: { type: "string", default: "12000" },
      first: { type: "string", default: "0" },
      seed: { type: "string", default: "17" },
      json: { type: "boolean", default: false },
    },
  });
  const [count, first, seed] = [values.count, values.first, values.seed].map(Number);
  const folder = Deno.makeTempDirSync({ prefix: "dept-fuzz-" });
  try {
    const result = fuzz(await samples(folder), folder, count, first, seed);
    console.log(values.json ? JSON.stringify(result) : summary(result));
    if (result.failures.length > 0) Deno.exitCode = 1;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

export interface TokenizerFuzzResult {
  readonly files: number;
  /** Files that could be used all the same. */
  readonly used: number;
  readonly refused: number;
  readonly slowestMs: number;
  /** With the number that makes it again (`--first N --count 1`). */
  readonly failures: readonly string[];
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

/** Our own tokenizer.json and .model, and, where SentencePiece is installed, models of its own with rules. */
async function samples(folder: string): Promise<Sample[]> {
  const words = "the cat sat on the mat and the dog sat on the log жало вода 山水 fine né ".repeat(
    40,
  );
  const documents = Array.from({ length: 20 }, (_, i) => ({ text: words.slice(i) }));
  const ours = await trainUnigram(documents, { ...unigramDefaults, vocabSize: 310 });
  saveTokenizer(folder, ours);
  saveSentencePiece(join(folder, "ours.model"), sentencePieceModelOf(ours));
  const names = ["tokenizer.json", "ours.model"];
  const corpus = join(folder, "corpus.txt");
  Deno.writeTextFileSync(corpus, words.replaceAll("and", "and\n"));
  for (const rule of ["nmt_nfkc", "identity"]) {
    try {
      const options = ["--vocab_size=60", "--hard_vocab_limit=false", "--minloglevel=2"];
      const prefix = join(folder, rule);
      const { success } = new Deno.Command("spm_train", {
        args: [
          `--input=${corpus}`,
          `--model_prefix=${prefix}`,
          `--normalization_rule_name=${rule}`,
          ...options,
        ],
        stderr: "null",
      }).outputSync();
      if (success) names.push(`${rule}.model`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      console.error("spm_train is not installed: only files of our own are damaged");
      break;
    }
  }
  return names.map((name) => ({ name, bytes: Deno.readFileSync(join(folder, name)) }));
}

function fuzz(
  all: readonly Sample[],
  folder: string,
  count: number,
  first: number,
  seed: number,
): TokenizerFuzzResult {
  const failures: string[] = [];
  let [used, refused, slowestMs] = [0, 0, 0];
  for (let index = first; index < first + count; index++) {
    const { name, bytes } = mutated(all, seed, index);
    const path = join(folder, name.endsWith(".json") ? "bad.json" : "bad.model");
    Deno.writeFileSync(path, bytes);
    const start = performance.now();
    try {
      const tokenizer = name.endsWith(".json")
        ? loadTokenizerFile(path)
        : loadSentencePiece(path, { exactTies: index % 2 === 0 });
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
