/**
 * The phrases that sentences are made of, each with its weight.
 */
import type { Lexicon, Word } from "./lexicon.ts";
import { numbers } from "./lists.ts";
import { type Inflection, nTenses, type Role } from "./morphology.ts";
import type { Choice, State } from "./process.ts";
import { type Weighted, zipf } from "./zipf.ts";

/** A noun in the text, and its number, which later words agree with. */
export interface Mention {
  readonly word: Word;
  readonly isPlural: boolean;
}

const chances = { adjective: 0.35, plural: 0.3 } as const;

export const numberChoices = [
  { isPlural: false, weight: 1 - chances.plural },
  { isPlural: true, weight: chances.plural },
] as const;

export class Phrases {
  readonly #lexicon: Lexicon;

  constructor(lexicon: Lexicon) {
    this.#lexicon = lexicon;
  }

  /** "in the garden", "from the garden": nouns that go with `noun`; the weights sum to `weight`. */
  places(topic: number, noun: Word, weight: number): [weight: number, text: string][] {
    const { language } = this.#lexicon;
    const nouns = this.#lexicon.companions(noun, "places", "noun", topic);
    return nouns.flatMap(({ item, weight: nounWeight }) => {
      const inflection = { nounClass: item.nounClass, isPlural: false, role: "subject" } as const;
      return zipf(numbers(language.places)).map((place): [number, string] => [
        weight * nounWeight * place.weight,
        language.space + language.place(item.stem, place.item, inflection),
      ]);
    });
  }

  /** Each noun in both numbers, alone and with each of its adjectives; the weights sum to 1. */
  nounPhrases(
    nouns: readonly Weighted<Word>[],
    topic: number,
    role: Role,
  ): { weight: number; text: string; mention: Mention }[] {
    const { space, isAdjectiveFirst, ...language } = this.#lexicon.language;
    const total = nouns.reduce((sum, { weight }) => sum + weight, 0);
    return nouns.flatMap(({ item: word, weight }) =>
      numberChoices.flatMap(({ isPlural, weight: numberWeight }) => {
        const mention = { word, isPlural };
        const inflection = inflectionOf(mention, role);
        const noun = space + language.noun(word.stem, inflection);
        const base = (weight / total) * numberWeight;
        const described = this.adjectives(topic, word).map((adjective) => {
          const text = space + language.adjective(adjective.item.stem, inflection);
          return {
            weight: base * chances.adjective * adjective.weight,
            text: isAdjectiveFirst ? text + noun : noun + text,
            mention,
          };
        });
        return [{ weight: base * (1 - chances.adjective), text: noun, mention }, ...described];
      })
    );
  }

  /** Adjectives that go with a noun. */
  adjectives(topic: number, noun: Word): readonly Weighted<Word>[] {
    return this.#lexicon.companions(noun, "adjectives", "adjective", topic);
  }

  /** A verb in all tenses; the weights sum to `weight`. */
  verbForms(verb: Word, subject: Inflection, weight: number, next: State): Choice[] {
    const { language } = this.#lexicon;
    return zipf(numbers(nTenses)).map((tense): Choice => [
      weight * tense.weight,
      language.space + language.verb(verb.stem, tense.item, subject),
      next,
    ]);
  }

  /** A sentence's first words: without the space before, with a capital where the script has them. */
  first(text: string): string {
    const { space, hasCapitals } = this.#lexicon.language;
    const bare = text.slice(space.length);
    return hasCapitals ? bare[0].toUpperCase() + bare.slice(1) : bare;
  }
}

export function inflectionOf({ word, isPlural }: Mention, role: Role): Inflection {
  return { nounClass: word.nounClass, isPlural, role };
}
