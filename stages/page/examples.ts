/**
 * The beginnings of a source's first documents.
 */
import { readDocumentTexts } from "../../datasets/mod.ts";
import type { ExampleText } from "./page.ts";

const mostTexts = 3;
const mostCharacters = 280;
const mostLines = 8;

/** Texts as they are, cut between characters as readers see them, and after some lines. */
export async function examplesIn(folder: string): Promise<ExampleText[]> {
  const texts: ExampleText[] = [];
  for await (const { pool, starts } of readDocumentTexts(folder)) {
    for (let i = 0; i + 1 < starts.length && texts.length < mostTexts; i++) {
      const end = Math.min(starts[i + 1], starts[i] + 8 * mostCharacters);
      // As a stream, for which a part of a character at the end is no error.
      const text = new TextDecoder().decode(pool.subarray(starts[i], end), { stream: true });
      texts.push(beginning(text, end < starts[i + 1]));
    }
    if (texts.length === mostTexts) break;
  }
  return texts;
}

function beginning(text: string, isCut: boolean): ExampleText {
  let begin = 0, end = 0, characters = 0, lines = 1;
  for (const { index, segment } of new Intl.Segmenter("en").segment(text)) {
    if (segment.includes("\n")) lines++;
    if (characters++ === mostCharacters || lines > mostLines) {
      return { text: text.slice(0, end), isCut: true };
    }
    [begin, end] = [index, index + segment.length];
  }
  return { text: isCut ? text.slice(0, begin) : text, isCut }; // the last one may be but a part
}
