/**
 * Ids against `spm_encode`'s, with the same model, on every source below the data folder: none may differ with exact ties;
 * without, those that differ are counted.
 */
import { join } from "node:path";
import { loadSentencePiece } from "../../tokenizers/sentencepiece/mod.ts";
import { type BenchOptions, type Cell, formatCell } from "./cell.ts";
import { measure } from "./processes.ts";
import { readTexts, sourceNames } from "./texts.ts";

const vocabSize = 16_000;

export async function parityCells({ data, scratch, filter, say }: BenchOptions): Promise<Cell[]> {
  const sources = sourceNames(data);
  const prefix = join(scratch, "parity");
  const input = `${prefix}.txt`;
  const lines = sources.flatMap((source) =>
    readTexts(data, source, "validation").flatMap((text) => text.split("\n"))
  );
  Deno.writeTextFileSync(input, lines.join("\n"));
  const trained = await measure("spm_train", [
    `--input=${input}`,
    `--model_prefix=${prefix}`,
    `--vocab_size=${vocabSize}`,
    "--minloglevel=2",
  ]);
  if (!trained.success) throw new Error(`spm_train has failed: ${trained.errors}`);
  const model = `${prefix}.model`;
  const exact = loadSentencePiece(model, { exactTies: true });
  const plain = loadSentencePiece(model);
  const cells: Cell[] = [];
  for (const source of sources) {
    if (!`parity ${source}`.includes(filter)) continue;
    const file = join(scratch, "parity-text.txt");
    const texts = ["train", "validation"] as const;
    Deno.writeTextFileSync(
      file,
      texts.flatMap((split) => readTexts(data, source, split)).join("\n") + "\n",
    );
    const { stdout } = await new Deno.Command("spm_encode", {
      args: [`--model=${model}`, "--output_format=id", file],
      stdout: "piped",
    }).output();
    const expected = numbersOf(stdout);
    const bytes = Deno.readFileSync(file);
    const wrong = differing(exact.encodeLines(bytes).ids, expected);
    const ties = differing(plain.encodeLines(bytes).ids, expected);
    const cell: Cell = {
      cell: `parity ${source}`,
      ours: `${wrong} ids differ`,
      theirs: `of ${expected.length}`,
      ratio: wrong === 0 ? 1 : 0,
      target: 1,
      note: `${ties} without exact ties`,
    };
    say(formatCell(cell));
    cells.push(cell);
  }
  return cells;
}

/** Numbers in a text, whatever stands between them. */
function numbersOf(text: Uint8Array): Int32Array {
  const numbers = new Int32Array(text.length / 2 + 1);
  let count = 0;
  for (let at = 0; at < text.length;) {
    if (text[at] < 0x30) {
      at++;
      continue;
    }
    let number = 0;
    while (at < text.length && text[at] >= 0x30) number = 10 * number + text[at++] - 0x30;
    numbers[count++] = number;
  }
  return numbers.slice(0, count);
}

/** Places that differ, those beyond the shorter list included. */
function differing(a: Int32Array, b: Int32Array): number {
  let count = Math.abs(a.length - b.length);
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) count++;
  return count;
}
