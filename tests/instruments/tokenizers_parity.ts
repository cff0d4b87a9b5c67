/**
 * Ids against `spm_encode`'s, with one model, on all text of every source of the data folder: none may differ with exact
 * ties; without them, the ones that differ are counted.
 */
import { parseArgs } from "node:util";
import { loadSentencePiece } from "../../tokenizers/sentencepiece/mod.ts";
import { dataPath, readTexts, sourceNames } from "../support/data.ts";
import { spmEncode, spmTrain } from "../support/spm.ts";
import { temporaryFolder } from "./foreign_files.ts";

const vocabSize = 16_000;

/** @throws Error where ids differ with exact ties. */
export function main(args: readonly string[]): Promise<void> {
  const { values: { data, source } } = parseArgs({
    args: [...args],
    options: { data: { type: "string", default: dataPath }, source: { type: "string" } },
  });
  using folder = temporaryFolder();
  const sources = sourceNames(data);
  const corpus = folder.write("corpus.txt", linesOf(data, sources, ["validation"]));
  const model = spmTrain(folder.path, "parity", corpus, `--vocab_size=${vocabSize}`);
  const exact = loadSentencePiece(model, { exactTies: true });
  const plain = loadSentencePiece(model);
  let wrong = 0;
  for (const name of sources.filter((name) => source === undefined || name === source)) {
    const file = folder.write("text.txt", linesOf(data, [name], ["train", "validation"]) + "\n");
    const expected = spmEncode(model, file)
      .flatMap((line) => line.split(" ").filter((id) => id !== "").map(Number));
    const bytes = Deno.readFileSync(file);
    const [differ, ties] = [exact, plain].map((it) =>
      differing(it.encodeLines(bytes).ids, expected)
    );
    wrong += differ;
    console.log(
      `${name.padEnd(28)} ${differ} of ${expected.length} ids differ; ${ties} without exact ties`,
    );
  }
  if (wrong > 0) throw new Error(`Cannot agree with spm_encode: ${wrong} ids differ`);
  return Promise.resolve();
}

function linesOf(
  data: string,
  sources: readonly string[],
  splits: readonly ("train" | "validation")[],
): string {
  return sources.flatMap((source) => splits.flatMap((split) => readTexts(data, source, split)))
    .join("\n");
}

/** Places that differ, also those beyond the end of the shorter list. */
function differing(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let count = Math.abs(a.length - b.length);
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) count++;
  return count;
}
