/**
 * The words of an invented language by topic, and the words that go with each. The language's name alone decides them: they
 * are the same for every recipe, seed and split.
 */
import { Random, seedOf } from "../../base/mod.ts";
import { numbers } from "./lists.ts";
import { type Inflection, type Language, nTenses } from "./morphology.ts";
import { type Weighted, zipf, zipfSample } from "./zipf.ts";

export type WordKind = "noun" | "transitive" | "intransitive" | "adjective" | "adverb";

export interface Word {
  readonly kind: WordKind;
  /** Unique among the language's words. */
  readonly id: number;
  readonly stem: string;
  readonly nounClass: number;
  /** The one topic that uses the word; undefined for words of all topics. */
  readonly topic: number | undefined;
}

export const nTopics = 4;

/** Words that each topic has of its own, and words that all topics share: about 160 stems in all. */
const wordCounts = {
  noun: { own: 16, shared: 6 },
  transitive: { own: 6, shared: 4 },
  intransitive: { own: 3, shared: 3 },
  adjective: { own: 6, shared: 16 },
  adverb: { own: 0, shared: 10 },
} as const satisfies Record<WordKind, { own: number; shared: number }>;

/** How many words of a kind go with one word. */
const companionCounts: Readonly<Record<WordKind, number>> = {
  noun: 8,
  transitive: 6,
  intransitive: 6,
  adjective: 4,
  adverb: 3,
};

export class Lexicon {
  readonly language: Language;
  readonly words: readonly Word[];
  readonly #pools = new Map<string, Weighted<Word>[]>();
  readonly #companions = new Map<string, Weighted<Word>[]>();

  constructor(language: Language) {
    this.language = language;
    this.words = inventWords(language);
  }

  /** A topic's words of a kind, its own and the shared ones, with Zipf's frequencies. */
  pool(kind: WordKind, topic: number): readonly Weighted<Word>[] {
    const key = `${kind}/${topic}`;
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      const words = this.words.filter((word) =>
        word.kind === kind && (word.topic === undefined || word.topic === topic)
      );
      pool = zipf(this.#random(`pool/${key}`).shuffle(words), 1);
      this.#pools.set(key, pool);
    }
    return pool;
  }

  /** Words of a kind that go with `word` in a topic: few, the first of them often. `use` tells lists of one kind apart. */
  companions(
    word: Word,
    use: string,
    kind: WordKind,
    topic: number,
  ): readonly Weighted<Word>[] {
    // A word of one topic occurs in that topic only; the words that go with a shared word depend on the topic.
    const key = `${use}/${topic}/${word.id}`;
    let words = this.#companions.get(key);
    if (words === undefined) {
      words = zipfSample(
        this.pool(kind, topic),
        companionCounts[kind],
        this.#random(`companions/${key}`),
      );
      this.#companions.set(key, words);
    }
    return words;
  }

  #random(name: string): Random {
    return new Random(seedOf(0, `${this.language.name}/${name}`));
  }
}

function inventWords(language: Language): Word[] {
  const random = new Random(seedOf(0, `${language.name}/words`));
  const used = new Set([
    ...language.particles,
    ...language.pronouns,
    ...language.relatives,
    ...language.connectives,
    language.questionWord,
  ]);
  const particles = new Set(language.particles);
  const words: Word[] = [];
  for (const kind of Object.keys(wordCounts) as WordKind[]) {
    const { own, shared } = wordCounts[kind];
    for (let i = 0; i < shared; i++) add(kind, undefined, i / shared);
    for (let topic = 0; topic < nTopics; topic++) {
      for (let i = 0; i < own; i++) add(kind, topic, i / own);
    }
  }
  return words;

  /** Draws stems until one has only forms that no other word has. */
  function add(kind: WordKind, topic: number | undefined, rank: number): void {
    for (;;) {
      const nounClass = random.below(language.nounClasses);
      const syllables = rank < 0.4 ? 1 : rank < 0.9 ? 2 : 3; // common words are short
      const stem = language.stem(random, nounClass, syllables);
      const word = { kind, id: words.length, stem, nounClass, topic };
      const forms = new Set(allForms(language, word).filter((form) => !particles.has(form)));
      if (!used.isDisjointFrom(forms)) continue;
      for (const form of forms) used.add(form);
      words.push(word);
      return;
    }
  }
}

/** Every form that a word takes, cut at spaces; where a language has none, its stem, which never changes. */
function allForms(language: Language, word: Word): string[] {
  if (language.space === "") return [word.stem];
  const forms: string[] = [];
  for (let nounClass = 0; nounClass < language.nounClasses; nounClass++) {
    for (const isPlural of [false, true]) {
      for (const role of ["subject", "object"] as const) {
        const inflection = { nounClass, isPlural, role };
        if (word.kind !== "noun" || nounClass === word.nounClass) {
          forms.push(...formsOf(language, word, inflection));
        }
      }
    }
  }
  return forms.flatMap((form) => form.split(" "));
}

function formsOf(language: Language, { kind, stem }: Word, inflection: Inflection): string[] {
  switch (kind) {
    case "noun":
      return [
        language.noun(stem, inflection),
        ...numbers(language.places).map((place) => language.place(stem, place, inflection)),
      ];
    case "adjective":
      return [
        language.adjective(stem, inflection),
        language.predicate(stem, inflection, false),
        language.predicate(stem, inflection, true),
      ];
    case "adverb":
      return [language.adverb(stem)];
    case "transitive":
    case "intransitive":
      return numbers(nTenses).map((tense) => language.verb(stem, tense, inflection));
    default:
      return kind satisfies never;
  }
}
