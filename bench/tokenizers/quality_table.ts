/** Vocabularies of both trainers on held-back text. */
import { join } from "node:path";
import { trainPieces, unigramDefaults } from "../../tokenizers/mod.ts";
import type { BenchOptions, Cell } from "./cell.ts";
import { measureQuality, type Quality, type Vocabulary } from "./quality.ts";
import { trainReference } from "./processes.ts";
import { readTexts } from "./texts.ts";

const sources = [
  ...["en", "it", "zh", "sr", "sw", "la"].map((name) => `multilingual/${name}`),
  ...["code", "law", "literature"].map((name) => `domains/${name}`),
];

/** No cell may be worse than the reference by more than this share. */
const tolerance = 0.001;

export async function qualityCells(options: BenchOptions): Promise<Cell[]> {
  const cells: Cell[] = [];
  const gains: number[] = [];
  options.say(
    "  bits a character (characters a token) of held-back text, ours and SentencePiece's",
  );
  for (const source of sources) {
    for (const vocabSize of [8000, 32_000]) {
      const name = `quality ${source}, ${vocabSize}`;
      if (!name.includes(options.filter)) continue;
      const { ours, theirs, refusal } = await compare(source, vocabSize, options);
      const ratio = theirs ? theirs.bitsPerCharacter / ours.bitsPerCharacter : NaN;
      if (theirs) gains.push(ratio - 1);
      const cell: Cell = {
        cell: name,
        ours: shown(ours),
        theirs: theirs ? shown(theirs) : "refused",
        ratio,
        target: theirs ? 1 - tolerance : undefined,
        note: refusal ?? `${((ratio - 1) * 100).toFixed(2)} % fewer bits`,
      };
      cells.push(cell);
      options.say(
        `${cell.cell.padEnd(34)} ${cell.ours.padStart(16)} ${
          cell.theirs.padStart(16)
        }  ${cell.note}`,
      );
    }
  }
  if (gains.length > 0) {
    const mean = gains.reduce((sum, gain) => sum + gain) / gains.length;
    options.say(
      `on average ${(mean * 100).toFixed(2)} % fewer bits than SentencePiece, at worst ${
        (Math.min(...gains) * 100).toFixed(2)
      } %`,
    );
    cells.push({
      cell: "quality, average",
      ours: "",
      theirs: "",
      ratio: 1 + mean,
      target: 1,
    });
  }
  return cells;
}

async function compare(
  source: string,
  vocabSize: number,
  { data, scratch, threads }: BenchOptions,
): Promise<{ ours: Quality; theirs?: Quality; refusal?: string }> {
  const training = linesOf(readTexts(data, source, "train"));
  const heldBack = linesOf(readTexts(data, source, "validation"));
  const input = join(scratch, "quality.txt");
  Deno.writeTextFileSync(input, training.map((line) => line.slice(1)).join("\n") + "\n");
  const output = join(scratch, "quality");
  const config = { ...unigramDefaults, vocabSize, maxTextBytes: Number.MAX_SAFE_INTEGER };
  const pieces = await trainPieces(training.map((text) => ({ text })), config, { threads });
  const ours = measureQuality(new Map(pieces.map((p) => [p.text, p.logProb])), heldBack);
  const run = await trainReference({ input, vocabSize, threads, output });
  if (run.success) return { ours, theirs: measureQuality(readVocabulary(output), heldBack) };
  const limit = run.errors.match(/Vocabulary size too high.*<= \d+/)?.[0];
  if (limit === undefined) throw new Error(`spm_train has failed: ${run.errors}`);
  return { ours, refusal: limit };
}

/** Lines with single spaces, one of them in front: what SentencePiece makes of a line, so that both see the same. */
function linesOf(texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.split("\n"))
    .map((line) => " " + line.trim().replace(/\s+/g, " "))
    .filter((line) => line !== " " && !line.includes("▁"));
}

/** The ordinary pieces of a `.vocab` file. */
function readVocabulary(prefix: string): Vocabulary {
  const lines = Deno.readTextFileSync(prefix + ".vocab").trimEnd().split("\n");
  return new Map(
    lines.map((line) => line.split("\t"))
      .filter(([piece]) => !/^<(unk|s|\/s|0x[0-9A-F]{2})>$/.test(piece))
      .map(([piece, score]) => [piece.replaceAll("▁", " "), Number(score)]),
  );
}

function shown({ bitsPerCharacter, charactersPerToken }: Quality): string {
  return `${bitsPerCharacter.toFixed(4)} (${charactersPerToken.toFixed(3)})`;
}
