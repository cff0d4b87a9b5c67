/**
 * Documents in one of five invented languages, with a known entropy.
 *
 * A language is its name: words and grammar come from a constant seed of it, so that every split and every recipe speaks
 * the same one. Recipes choose which, how long documents are, and how many.
 */
import { didYouMean, UsageError } from "../../base/mod.ts";
import type { GeneratedSource } from "../document.ts";
import { languages } from "./languages.ts";
import { Lexicon } from "./lexicon.ts";
import { checkKeys, checkRange } from "./options.ts";
import { documentsOf, entropyBitsPerByte, type Process } from "./process.ts";
import { sentenceProcess } from "./sentences.ts";

interface LanguageOptions {
  /** `velsan`, `dorugai`, `ithomeli`, `shenmu` or `varuni`. */
  readonly language: string;
  /** Sentences of a document: uniform from `minSentences` to `maxSentences`. */
  readonly minSentences?: number;
  readonly maxSentences?: number;
}

const languageDefaults = { minSentences: 10, maxSentences: 26 } as const;

export const source: GeneratedSource<LanguageOptions> = {
  documents: (options, split, seed) => documentsOf(languageProcess(options), split, seed),
  entropyBitsPerByte: (options) => entropyBitsPerByte(languageProcess(options)),
};

/** Names of the languages. */
export function languageNames(): string[] {
  return Object.keys(languages);
}

/** The choices that make a document. @throws UsageError for an unknown language or option. */
export function languageProcess(options: LanguageOptions): Process {
  const what = "generated source language";
  checkKeys(what, options, ["language", ...Object.keys(languageDefaults)]);
  const { language: name, minSentences, maxSentences } = { ...languageDefaults, ...options };
  if (typeof name !== "string" || !Object.hasOwn(languages, name)) {
    const known = languageNames();
    throw new UsageError(
      `Cannot use option "language" of ${what}: expected one of ${known.join(", ")}, found ${
        JSON.stringify(name)
      }${didYouMean(String(name), known)}`,
    );
  }
  const length = checkRange(what, ["minSentences", minSentences], [
    "maxSentences",
    maxSentences,
  ], 1000);
  return sentenceProcess(new Lexicon(languages[name]), length);
}
