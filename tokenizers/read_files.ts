/**
 * Files of tokenizers, as all kinds read them.
 */
import { messageOf, readWholeFile, StageError, textOfFile } from "../base/mod.ts";

/** Longest file of a tokenizer. The largest in use have 35 MB; one of 256 MB cannot be taken for anything else. */
const mostFileBytes = 256 * 2 ** 20;

/** Ids are below this. The largest vocabularies in use have 300,000 pieces; a table by id must fit in memory. */
export const mostIds = 2 ** 24;

/** The bytes of a SentencePiece model. @throws StageError for what is no plain file */
export function readModelFile(path: string): Uint8Array<ArrayBuffer> {
  return reading(path, "a SentencePiece model", () => readWholeFile(path, mostFileBytes));
}

export interface JsonFile {
  /** As it stands in the file, without a byte order mark. */
  readonly text: string;
  readonly value: unknown;
}

/** A file of JSON. @throws StageError for what is none, or no plain file */
export function readJsonFile(path: string, expected = "a tokenizer.json"): JsonFile {
  return reading(path, expected, () => {
    const text = textOfFile(readWholeFile(path, mostFileBytes));
    return { text, value: JSON.parse(text) };
  });
}

function reading<Content>(path: string, expected: string, read: () => Content): Content {
  try {
    return read();
  } catch (cause) {
    throw new StageError(
      `Cannot read tokenizer "${path}": expected ${expected}, found ${messageOf(cause)}`,
      { cause },
    );
  }
}
