/**
 * Text of two sources in folders, as parties of a run have it.
 */
import { join } from "node:path";
import { Random, seedOf } from "../../base/mod.ts";

const words: Readonly<Record<string, string>> = {
  it: "ciao mondo il cane la casa è bello andare mare sole",
  fr: "bonjour le monde la maison est belle aller mer soleil chien",
};

export const parties: readonly string[] = Object.keys(words).sort();

/** Writes `<folder>/<source>/{train,validation,test}.jsonl`, documents of drawn words. */
export function writePartyText(folder: string): void {
  for (const source of parties) {
    Deno.mkdirSync(join(folder, source), { recursive: true });
    const known = words[source].split(" ");
    const random = new Random(seedOf(17, source));
    for (const [split, documents] of [["train", 120], ["validation", 20], ["test", 20]] as const) {
      const lines = Array.from({ length: documents }, () => {
        const length = 20 + random.below(20);
        const text = Array.from({ length }, () => known[random.below(known.length)]).join(" ");
        return JSON.stringify({ text });
      });
      Deno.writeTextFileSync(join(folder, source, `${split}.jsonl`), lines.join("\n") + "\n");
    }
  }
}
