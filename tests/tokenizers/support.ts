/**
 * What the tests of this room share.
 */
import {
  trainUnigram,
  type UnigramConfig,
  unigramDefaults,
  type UnigramPiece,
  UnigramTokenizer,
} from "../../tokenizers/mod.ts";
import { ByteStringCounter } from "../../tokenizers/unigram/byte_string_counter.ts";
import { type Seed, seedPieces } from "../../tokenizers/unigram/seed_pieces.ts";
import type { UnigramSettings } from "../../tokenizers/unigram/settings.ts";
import { cutIntoSegments, type Segments } from "../../tokenizers/unigram/segments.ts";

/** A tokenizer of pieces given as text with probability, put in order. */
export function tokenizerOf(
  probabilities: Readonly<Record<string, number>>,
  settings: Partial<UnigramSettings> = {},
): UnigramTokenizer {
  const pieces = Object.entries(probabilities)
    .map(([text, p]): UnigramPiece => ({ text, logProb: Math.log(p) }));
  const bytes = (text: string) => Array.from(new TextEncoder().encode(text), (b) => b + 256).join();
  pieces.sort((a, b) => b.logProb - a.logProb || (bytes(a.text) < bytes(b.text) ? -1 : 1));
  return new UnigramTokenizer(pieces, { ...unigramDefaults, ...settings });
}

export function countsOf(words: Readonly<Record<string, number>>): ByteStringCounter {
  const counter = new ByteStringCounter();
  for (const [word, count] of Object.entries(words)) {
    const bytes = new TextEncoder().encode(word);
    counter.add(bytes, 0, bytes.length, count);
  }
  return counter;
}

/** A budget that no test outgrows. */
export const noSpill = { budgetBytes: 2 ** 30, folder: "/nowhere", name: "segments" };

/** Segments and seeds of counted words. */
export async function seedOf(
  words: Readonly<Record<string, number>>,
  config: Partial<UnigramConfig> = {},
): Promise<Seed & { segments: Segments }> {
  const whole = { ...unigramDefaults, characterCoverage: 1, ...config };
  const segments = cutIntoSegments(countsOf(words), whole, noSpill);
  return { segments, ...await seedPieces(segments, whole) };
}

/** All ways to write `text` with `pieces`. */
export function segmentations(text: string, pieces: readonly string[]): string[][] {
  if (text === "") return [[]];
  return pieces.filter((piece) => text.startsWith(piece)).flatMap((piece) =>
    segmentations(text.slice(piece.length), pieces).map((rest) => [piece, ...rest])
  );
}

export function train(
  documents: Iterable<{ text: string }>,
  config: Partial<UnigramConfig>,
): Promise<UnigramTokenizer> {
  return trainUnigram(documents, { ...unigramDefaults, ...config });
}

export function pieceTexts(tokenizer: UnigramTokenizer, text: string): string[] {
  return Array.from(tokenizer.encode(text), (id) => tokenizer.piece(id));
}
