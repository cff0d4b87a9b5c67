/**
 * Documents in one of five invented languages, with a known entropy.
 *
 * The name of a language gives the seed of its words and grammar, so every split and every recipe has the same language.
 * Recipes choose the language, the length of documents and their number; a dialect, whose words differ from the language's as much
 * as the recipe says; and topics, all at once or one after the other.
 */
import { languages } from "./languages.ts";
import { type Dialect, Lexicon, nTopics } from "./lexicon.ts";
import { numbers } from "./lists.ts";
import { differentNumbers, documentLength, flag, fraction, nameOf, oneOfNames } from "./options.ts";
import { type Process, processSource } from "./process.ts";
import { sentenceProcess } from "./sentences.ts";

interface LanguageOptions {
  /** `velsan`, `dorugai`, `ithomeli`, `shenmu` or `varuni`. */
  readonly language: string;
  /** Sentences of a document: uniform from `minSentences` to `maxSentences`. */
  readonly minSentences?: number;
  readonly maxSentences?: number;
  /** The name of a dialect, which gives the seed of its own words; `ownWords`, the share of the stems that it has of its own. */
  readonly dialect?: string;
  readonly ownWords?: number;
  /** Topics of the documents, from 1 to 4: each is a domain with nouns and verbs of its own. All without it. */
  readonly topics?: readonly number[];
  /** Whether a split has all documents of one topic before those of the next, as where a source drifts. */
  readonly topicsInTurn?: boolean;
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
  const others = ["language", "dialect", "ownWords", "topics", "topicsInTurn"];
  const length = documentLength(what, options, defaults, 1000, others);
  const { language, topics = numbers(nTopics).map((topic) => topic + 1), topicsInTurn = false } =
    options;
  return sentenceProcess(
    new Lexicon(
      languages[oneOfNames(what, "language", language, languageNames())],
      dialectOf(what, options),
    ),
    {
      ...length,
      topics: differentNumbers(what, "topics", topics, nTopics).map((topic) => topic - 1),
      inTurn: flag(what, "topicsInTurn", topicsInTurn),
    },
  );
}

/** @throws UsageError where one of the two options is missing */
function dialectOf(what: string, { dialect, ownWords }: LanguageOptions): Dialect | undefined {
  if (dialect === undefined && ownWords === undefined) return undefined;
  return {
    name: nameOf(what, "dialect", dialect),
    ownWords: fraction(what, "ownWords", ownWords, 0, 1),
  };
}
