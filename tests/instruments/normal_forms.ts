/**
 * Compiled rules of normalisation against the normal form of whole texts, on every source below the data folder: lines as they
 * are, decomposed, and in full width.
 */
import { compileCharsmap } from "../../tokenizers/sentencepiece/charsmap_file.ts";
import { normalFormRules } from "../../tokenizers/sentencepiece/charsmap_rules.ts";
import { SentencePieceNormalizer } from "../../tokenizers/sentencepiece/normalizer.ts";
import { ruleOf } from "../../tokenizers/unigram/normalizer.ts";
import { TextBuffer } from "../../tokenizers/unigram/text_buffer.ts";
import { readTexts, sourceNames } from "../support/data.ts";

interface NormalFormCount {
  readonly rule: string;
  readonly spelling: string;
  readonly lines: number;
  /** Lines that the rule changes. */
  readonly changed: number;
  /** Lines where the compiled rules give something else. */
  readonly differing: number;
}

const spellings: Readonly<Record<string, (line: string) => string>> = {
  "as it is": (line) => line,
  "NFD": (line) => line.normalize("NFD"),
  "NFKD": (line) => line.normalize("NFKD"),
  "full width": (line) =>
    line.replace(/[!-~]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0)),
};

export function countNormalForms(data: string): NormalFormCount[] {
  const counts: NormalFormCount[] = [];
  for (const rule of ["nfc", "nfkc", "nmt_nfkc"] as const) {
    const normalize = ruleOf(rule);
    const applied = applierOf(compileCharsmap(normalFormRules(rule)));
    const found = Object.keys(spellings).map(() => ({ lines: 0, changed: 0, differing: 0 }));
    for (const source of sourceNames(data)) {
      for (const split of ["train", "validation"] as const) {
        for (const line of readTexts(data, source, split).join("\n").split("\n")) {
          for (const [i, spell] of Object.values(spellings).entries()) {
            const text = spell(line);
            const normal = normalize(text);
            found[i].lines++;
            if (normal !== text) found[i].changed++;
            if (normal !== applied(text)) found[i].differing++;
          }
        }
      }
    }
    Object.keys(spellings).forEach((spelling, i) => counts.push({ rule, spelling, ...found[i] }));
  }
  return counts;
}

/** What rules make of a text, white space left alone. */
export function applierOf(charsmap: Uint8Array): (text: string) => string {
  const normalizer = new SentencePieceNormalizer({
    name: "",
    charsmap,
    addDummyPrefix: false,
    removeExtraWhitespaces: false,
    escapeWhitespaces: false,
  }, { whitespaceIsSuffix: false, userDefined: [] });
  const [from, to] = [new TextBuffer(), new TextBuffer()];
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return (text) => {
    from.loadText(text);
    normalizer.normalize(from.bytes, 0, from.length, to);
    return decoder.decode(to.bytes.subarray(0, to.length));
  };
}
