/**
 * Evaluations with losses that can be reckoned by hand.
 */
import { type DocumentLosses, encodeDocumentLosses } from "../../training/mod.ts";

/**
 * Folders of evaluations of the sources aa, bb and cc, whose models lose so many nats over 10 tokens of two documents, where the
 * unigram model loses 20 over 40 bytes. By `losses/<label>`.
 */
export function evaluations(
  folder: string,
  nats: Readonly<Record<string, readonly number[]>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(nats).map(([variant, ofSources]) => {
      const path = `${folder}/${variant}`;
      Deno.mkdirSync(path, { recursive: true });
      const sources = Object.fromEntries(["aa", "bb", "cc"].map((source, i) => {
        const value = { tokens: 10, bytes: 40, unigramNats: 20, lossNats: ofSources[i] };
        const interval = [1, 2];
        return [source, {
          ...value,
          perplexity: Math.exp(ofSources[i] / 10),
          perplexityInterval: interval,
          bitsPerByte: ofSources[i] / 40 / Math.LN2,
          bitsPerByteInterval: interval,
        }];
      }));
      const documents = new Map(
        ["aa", "bb", "cc"].map((source, i): [string, DocumentLosses] => [source, {
          lossNats: Float64Array.of(ofSources[i] / 2, ofSources[i] / 2),
          tokens: Float64Array.of(5, 5),
          bytes: Float64Array.of(20, 20),
          unigramNats: Float64Array.of(10, 10),
        }]),
      );
      Deno.writeFileSync(`${path}/documents.arrow`, encodeDocumentLosses(documents));
      Deno.writeTextFileSync(`${path}/summary.json`, JSON.stringify({ format: 1, sources }));
      return [`losses/${variant}`, path];
    }),
  );
}
