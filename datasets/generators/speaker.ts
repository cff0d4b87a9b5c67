/**
 * Single sentences of velsan, for tasks: the same words and grammar as in the documents of source `language`.
 */
import { Random, type Seed } from "../../base/mod.ts";
import type { TaskExample } from "../task.ts";
import { languages } from "./languages.ts";
import { Lexicon, nTopics, type Word, type WordKind } from "./lexicon.ts";
import { oneOf } from "./lists.ts";
import type { Inflection, Language, Role } from "./morphology.ts";
import { numberedSeed } from "./process.ts";

/** A noun, with an adjective or without. */
interface NounPhrase {
  readonly noun: Word;
  readonly adjective?: Word;
}

/** A sentence with a transitive verb. */
export interface Event {
  readonly subject: NounPhrase;
  readonly verb: Word;
  readonly object: NounPhrase;
  readonly adverb?: Word;
}

export class Speaker {
  readonly lexicon: Lexicon;
  readonly #language: Language;

  constructor() {
    this.#language = languages.velsan;
    this.lexicon = new Lexicon(this.#language);
  }

  /** "The stone is (not) white." */
  judgement(noun: Word, adjective: Word, isNegated: boolean): string {
    const inflection = inflectionOf(noun, "subject");
    const predicate = this.#language.predicate(adjective.stem, inflection, isNegated);
    return this.#close(`${this.#language.noun(noun.stem, inflection)} ${predicate}`);
  }

  /** "The black cat sees the stone well." */
  event({ subject, verb, object, adverb }: Event): string {
    const inflection = inflectionOf(subject.noun, "subject");
    return this.#close([
      this.#phrase(subject, "subject"),
      this.#language.verb(verb.stem, 0, inflection),
      this.#phrase(object, "object"),
      ...(adverb === undefined ? [] : [this.#language.adverb(adverb.stem)]),
    ].join(" "));
  }

  /** "Question: the cat sees?" It asks for the object. */
  question({ subject, verb }: Event): string {
    const { questionWord, questionMark } = this.#language;
    const inflection = inflectionOf(subject.noun, "subject");
    const clause = [
      questionWord,
      this.#phrase(subject, "subject"),
      this.#language.verb(verb.stem, 0, inflection),
    ].join(" ");
    return capitalized(clause) + questionMark;
  }

  /** A noun phrase as an object, alone. */
  answer(object: NounPhrase): string {
    return this.#phrase(object, "object");
  }

  /** A noun that only this topic has. */
  noun(topic: number, random: Random): Word {
    return oneOf(this.ownWords("noun", topic), random);
  }

  /** An event as the documents have them: its verb goes with the subject, its object with the verb. */
  likelyEvent(noun: Word, topic: number, random: Random): Event {
    const verb = this.companion(noun, "transitive", "transitive", topic, random);
    const object = this.companion(verb, "objects", "noun", topic, random);
    return { subject: { noun }, verb, object: { noun: object } };
  }

  companion(word: Word, use: string, kind: WordKind, topic: number, random: Random): Word {
    const companions = this.lexicon.companions(word, use, kind, topic);
    return companions[random.weighted(companions.map(({ weight }) => weight))].item;
  }

  /** The words of a kind that only this topic has, or those that all topics share, in the order of their invention. */
  ownWords(kind: WordKind, topic: number | undefined): readonly Word[] {
    return this.lexicon.words.filter((word) => word.kind === kind && word.topic === topic);
  }

  #phrase({ noun, adjective }: NounPhrase, role: Role): string {
    const inflection = inflectionOf(noun, role);
    const text = this.#language.noun(noun.stem, inflection);
    if (adjective === undefined) return text;
    return `${text} ${this.#language.adjective(adjective.stem, inflection)}`;
  }

  #close(clause: string): string {
    return capitalized(clause) + this.#language.stop;
  }
}

/** Examples 0, 1, 2, … of a split, each from its own seed. */
export function* examplesOf(
  example: (topic: number, random: Random) => TaskExample,
  split: string,
  seed: Seed,
): Generator<TaskExample> {
  for (let number = 0;; number++) {
    const random = new Random(numberedSeed(seed, split, number));
    yield example(random.below(nTopics), random);
  }
}

/** The label, or with chance `labelNoise` one of the other classes. */
export function noisyLabel(
  label: number,
  nClasses: number,
  labelNoise: number,
  random: Random,
): number {
  const isWrong = random.float64() < labelNoise;
  return isWrong ? (label + 1 + random.below(nClasses - 1)) % nClasses : label;
}

function inflectionOf(noun: Word, role: Role): Inflection {
  return { nounClass: noun.nounClass, isPlural: false, role };
}

function capitalized(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
