/**
 * The words of an invented language by topic, and the words that go with each. The language's name alone decides them: they
 * are the same for every recipe, seed and split. A dialect says some of them in words of its own.
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

/** A way to speak a language: the same things are said as often, with the same endings, some of them in other words. */
export interface Dialect {
  /** Its words depend on it. */
  readonly name: string;
  /** Share of the stems that it has of its own: 0 is the language itself, at 1 it shares only endings and small words. */
  readonly ownWords: number;
}

export class Lexicon {
  readonly language: Language;
  readonly words: readonly Word[];
  readonly #pools = new Map<string, Weighted<Word>[]>();
  readonly #companions = new Map<string, Weighted<Word>[]>();

  constructor(language: Language, dialect?: Dialect) {
    this.language = language;
    this.words = inventWords(language, dialect);
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

function inventWords(language: Language, dialect: Dialect | undefined): Word[] {
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
  const syllables: number[] = [];
  for (const kind of Object.keys(wordCounts) as WordKind[]) {
    const { own, shared } = wordCounts[kind];
    for (let i = 0; i < shared; i++) add(kind, undefined, i / shared);
    for (let topic = 0; topic < nTopics; topic++) {
      for (let i = 0; i < own; i++) add(kind, topic, i / own);
    }
  }
  return dialect === undefined ? words : inDialect(dialect);

  function add(kind: WordKind, topic: number | undefined, rank: number): void {
    const length = rank < 0.4 ? 1 : rank < 0.9 ? 2 : 3; // common words are short
    syllables.push(length);
    words.push(unlikeOthers(() => {
      const nounClass = random.below(language.nounClasses);
      const stem = language.stem(random, nounClass, length);
      return { kind, id: words.length, stem, nounClass, topic };
    }));
  }

  /** Draws words until one has only forms that no other word has. */
  function unlikeOthers(draw: () => Word): Word {
    for (;;) {
      const word = draw();
      const forms = new Set(allForms(language, word).filter((form) => !particles.has(form)));
      if (!used.isDisjointFrom(forms)) continue;
      for (const form of forms) used.add(form);
      return word;
    }
  }

  /** The words, some with another stem. A larger share replaces what a smaller one does, by the same stems, and more. */
  function inDialect({ name, ownWords }: Dialect): Word[] {
    const random = new Random(seedOf(0, `${language.name}/${name}/words`));
    const order = random.shuffle(numbers(words.length));
    const replaced = [...words];
    for (const id of order.slice(0, Math.round(ownWords * words.length))) {
      const word = words[id];
      replaced[id] = unlikeOthers(() => ({
        ...word,
        stem: language.stem(random, word.nounClass, syllables[id]),
      }));
    }
    return replaced;
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
