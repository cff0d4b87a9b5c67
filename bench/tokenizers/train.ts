/** A training to be measured: a text file, a line a document; the pieces go to a file. */
import { unigramDefaults } from "../../tokenizers/unigram/config.ts";
import { trainPieces } from "../../tokenizers/unigram/unigram_trainer.ts";

const [input, vocabSize, threads, output] = Deno.args;
const pieces = await trainPieces(documents(), {
  ...unigramDefaults,
  vocabSize: Number(vocabSize),
  maxTextBytes: Number.MAX_SAFE_INTEGER,
}, { threads: Number(threads) });
Deno.writeTextFileSync(output, JSON.stringify(pieces));

/** Whole lines, some hundred kilobytes at a time: a piece never crosses a line end and a word. */
async function* documents(): AsyncIterable<{ text: string }> {
  using file = await Deno.open(input);
  const bytes = new Uint8Array(1 << 18);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let rest = "";
  for (let n = file.readSync(bytes); n !== null; n = file.readSync(bytes)) {
    const text = rest + decoder.decode(bytes.subarray(0, n), { stream: true });
    const end = text.lastIndexOf("\n") + 1;
    rest = text.slice(end);
    yield { text: text.slice(0, end) };
  }
  yield { text: rest };
}
