/**
 * Documents in one of five invented languages, with a known entropy.
 *
 * The name of a language gives the seed of its words and grammar, so every split and every recipe has the same language.
 * Recipes choose the language, the length of documents and their number.
 */
import { didYouMean, UsageError } from "../../base/mod.ts";
import { languages } from "./languages.ts";
import { Lexicon } from "./lexicon.ts";
import { documentLength } from "./options.ts";
import { type Process, processSource } from "./process.ts";
import { sentenceProcess } from "./sentences.ts";

interface LanguageOptions {
  /** `velsan`, `dorugai`, `ithomeli`, `shenmu` or `varuni`. */
  readonly language: string;
  /** Sentences of a document: uniform from `minSentences` to `maxSentences`. */
  readonly minSentences?: number;
  readonly maxSentences?: number;
}

export const source = processSource(languageProcess);

/** Names of the languages. */
export function languageNames(): string[] {
  return Object.keys(languages);
}

/** The choices that make a document. @throws UsageError for an unknown language or option. */
export function languageProcess(options: LanguageOptions): Process {
  const what = "generated source language";
  const defaults = { minSentences: 10, maxSentences: 26 };
  const length = documentLength(what, options, defaults, 1000, ["language"]);
  const { language: name } = options;
  if (typeof name !== "string" || !Object.hasOwn(languages, name)) {
    const known = languageNames();
    throw new UsageError(
      `Cannot use option "language" of ${what}: expected one of ${known.join(", ")}, found ${
        JSON.stringify(name)
      }${didYouMean(String(name), known)}`,
    );
  }
  return sentenceProcess(new Lexicon(languages[name]), length);
}
