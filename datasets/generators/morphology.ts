/**
 * The words of one invented language, their forms and their order; `sentences.ts` makes sentences of them.
 */
import type { Random } from "../../base/mod.ts";

/** What a noun does in its sentence. */
export type Role = "subject" | "object";

/** What a word agrees with. */
export interface Inflection {
  readonly nounClass: number;
  readonly isPlural: boolean;
  readonly role: Role;
}

/** Tenses of every language. */
export const nTenses = 3;

export interface Language {
  readonly name: string;
  readonly order: "svo" | "sov" | "vso";
  readonly isAdjectiveFirst: boolean;
  /** Stands before each word except the first of a text. */
  readonly space: string;
  readonly stop: string;
  readonly questionMark: string;
  readonly comma: string;
  readonly hasCapitals: boolean;
  /** Genders or noun classes. */
  readonly nounClasses: number;
  /** Ways to say where: prepositions, postpositions or cases. */
  readonly places: number;
  /** One per noun class. */
  readonly pronouns: readonly string[];
  /** "who", "which": one per noun class. */
  readonly relatives: readonly string[];
  readonly connectives: readonly string[];
  /** Opens a question, which then ends with the question mark. */
  readonly questionWord: string;
  /** "not", and other words that `predicate`, `noun` and `place` add; no stem may look like them. */
  readonly particles: readonly string[];
  /** A new stem. Stems of the same class may share their vowels or their shape. */
  stem(random: Random, nounClass: number, syllables: number): string;
  noun(stem: string, inflection: Inflection): string;
  /** An adjective beside its noun. */
  adjective(stem: string, inflection: Inflection): string;
  /** "is good", "is not good"; the subject comes before it, also in languages where a verb comes first. */
  predicate(stem: string, inflection: Inflection, isNegated: boolean): string;
  /** A verb that agrees with its subject. */
  verb(stem: string, tense: number, subject: Inflection): string;
  /** "in the garden", "before the garden". */
  place(stem: string, place: number, inflection: Inflection): string;
  /** Adverbs do not change. */
  adverb(stem: string): string;
}
