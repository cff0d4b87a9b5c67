/**
 * A folder of small sources: `DIR/source-017/{train,validation,test}.jsonl`, words of each source's own, drawn from a seed.
 */
import { join } from "node:path";
import { Random, seedOf } from "../../base/mod.ts";

const rootSeed = 17;
const letters = "abcdefghijklmnopqrstuvwxyz";
const documentsOf = { train: 60, validation: 10, test: 10 } as const;
const [wordsOfSource, wordsOfDocument] = [300, 60];

/** Writes as many sources as are asked for; the same ones each time. */
export function writeSources(folder: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const name = `source-${String(i).padStart(3, "0")}`;
    const random = new Random(seedOf(rootSeed, `many/${name}`));
    const words = Array.from({ length: wordsOfSource }, () => wordFrom(random));
    Deno.mkdirSync(join(folder, name), { recursive: true });
    for (const [split, documents] of Object.entries(documentsOf)) {
      const rows = Array.from({ length: documents }, () => {
        const text = Array.from({ length: wordsOfDocument }, () => words[frequent(random)]);
        return `${JSON.stringify({ text: text.join(" ") })}\n`;
      });
      Deno.writeTextFileSync(join(folder, name, `${split}.jsonl`), rows.join(""));
    }
  }
}

function wordFrom(random: Random): string {
  const length = 2 + random.below(8);
  return Array.from({ length }, () => letters[random.below(letters.length)]).join("");
}

/** The lowest of two draws: the first words are the more frequent ones. */
function frequent(random: Random): number {
  return Math.min(random.below(wordsOfSource), random.below(wordsOfSource));
}
