/** A training to be measured on more text than lies anywhere: it is made while it is read. */
import { unigramDefaults } from "../../tokenizers/unigram/config.ts";
import { trainPieces } from "../../tokenizers/unigram/unigram_trainer.ts";
import { linesOf, variedText } from "./texts.ts";

const [data, bytes, vocabSize, threads] = Deno.args;
const config = {
  ...unigramDefaults,
  vocabSize: Number(vocabSize),
  maxTextBytes: Number.MAX_SAFE_INTEGER,
};
const start = performance.now();
let [read, saidAt] = [0, start];
const log = {
  info(message: string, fields: Readonly<Record<string, number>> = {}) {
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    console.error(`${seconds} s: ${message} ${JSON.stringify(fields)}`);
  },
};
const pieces = await trainPieces(documents(), config, { threads: Number(threads), log });
console.error(`${pieces.length} pieces`);

function* documents(): Iterable<{ text: string }> {
  for (const text of variedText(linesOf(data), Number(bytes))) {
    yield { text };
    read += text.length;
    if (performance.now() - saidAt < 10_000) continue;
    saidAt = performance.now();
    log.info("read", { megacharacters: Math.round(read / 1e6) });
  }
}
