/**
 * Relations between words of velsan: opposites (a good and a bad word), categories and their things, synonyms.
 */
import type { Word } from "./lexicon.ts";
import { oneOf } from "./lists.ts";
import type { Random } from "../../base/mod.ts";
import type { Speaker } from "./speaker.ts";

/** Adjectives of all topics come in pairs of opposites, the good one first. */
export function opinions(speaker: Speaker): { good: Word; bad: Word }[] {
  const adjectives = speaker.ownWords("adjective", undefined);
  return adjectives.flatMap((good, i) => i % 2 === 0 ? [{ good, bad: adjectives[i + 1] }] : []);
}

/** A topic's first nouns name its categories. */
const nCategories = 4;

export function categories(speaker: Speaker, topic: number): readonly Word[] {
  return speaker.ownWords("noun", topic).slice(0, nCategories);
}

/** The nouns of a topic that belong to a category. */
export function things(speaker: Speaker, topic: number): readonly Word[] {
  return speaker.ownWords("noun", topic).slice(nCategories);
}

/** What a thing is: its category. */
export function categoryOf(speaker: Speaker, thing: Word, topic: number): Word {
  return categories(speaker, topic)[things(speaker, topic).indexOf(thing) % nCategories];
}

/** The other word of a pair in `words`, which means the same. */
export function synonymOf(word: Word, words: readonly Word[]): Word {
  return words[words.indexOf(word) ^ 1];
}

/** A word of `words` that means something else. */
export function otherThan(word: Word, words: readonly Word[], random: Random): Word {
  const synonym = synonymOf(word, words);
  return oneOf(words.filter((other) => other !== word && other !== synonym), random);
}
