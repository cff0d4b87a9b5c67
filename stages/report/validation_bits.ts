/**
 * Losses on validation text in bits per byte, which vocabularies do not change the meaning of.
 */
import { readFileSync } from "node:fs";
import type { TokenShards } from "../../datasets/mod.ts";
import { type Inputs, inputsOf } from "./kind.ts";

/** Whose pieces a model predicts. */
export type Vocabulary = "global" | "own";

/** Bits per byte of a source's validation text that a mean loss is, in nats a token. */
export type BitsPerByte = (source: string, nats: number) => number;

/** `<vocabulary>/<source>`: the tokens of validation text, in each vocabulary that is named. */
export function validationInputs(
  sources: readonly string[],
  vocabularies: readonly Vocabulary[],
): Inputs {
  const each = [...new Set(vocabularies)].map((vocabulary) =>
    inputsOf(vocabulary, sources, (source) => `tokenize/${source}/${vocabulary}#validation`)
  );
  return Object.assign({}, ...each);
}

/** @param validation Folder of the source's tokens, by source */
export function bitsPerByteOf(validation: ReadonlyMap<string, string>): BitsPerByte {
  const bytesPerToken = new Map([...validation].map(([source, folder]) => {
    const file = readFileSync(`${folder}/shards.json`, "utf8");
    const { tokens, bytes }: Pick<TokenShards, "tokens" | "bytes"> = JSON.parse(file);
    return [source, bytes / tokens];
  }));
  return (source, nats) => nats / Math.LN2 / bytesPerToken.get(source)!;
}
