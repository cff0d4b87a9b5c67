/**
 * `tokenizer decode`: ids to text.
 */
import { openTokenizer } from "../../tokenizers/mod.ts";
import { StageError } from "../base/mod.ts";
import { readTexts } from "./_text_input.ts";

export interface DecodeOptions {
  readonly tokenizer: string;
}

/** @throws StageError for a bad tokenizer, with the line and place of what is no id */
export async function decode(options: DecodeOptions): Promise<void> {
  using tokenizer = await openTokenizer(options.tokenizer);
  let number = 0;
  for await (const batch of readTexts({ files: undefined, textField: "text", invalid: "error" })) {
    const lines = new TextDecoder().decode(batch as Uint8Array).split("\n");
    if (lines.at(-1) === "") lines.pop();
    const texts = lines.map((line) => {
      number++;
      const words = line.split(/[ \t\r]+/).filter((word) => word !== "");
      const ids = words.map((word, i) => {
        const id = /^[0-9]+$/.test(word) ? Number(word) : -1;
        if (id >= 0 && id < tokenizer.vocabSize) return id;
        throw new StageError(
          `Cannot decode line ${number}, number ${i + 1}: expected an id from 0 to ${
            tokenizer.vocabSize - 1
          }, found "${word.slice(0, 40)}"`,
        );
      });
      return tokenizer.decode(ids) + "\n";
    });
    const bytes = new TextEncoder().encode(texts.join(""));
    for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
  }
}
