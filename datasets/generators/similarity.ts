/**
 * Similarity of two sentences in velsan, from 0 to 5. Both have a subject, an adjective, a verb, an object and an adverb.
 * The more of the five words mean the same in both, the higher the score. Synonyms mean the same.
 */
import type { Word } from "./lexicon.ts";
import { oneOf } from "./lists.ts";
import { otherThan, synonymOf } from "./relations.ts";
import type { Speaker } from "./speaker.ts";
import { speakerTask } from "./speaker_task.ts";

const nSlots = 5;
/** Score without a word in common, and what each word in common adds. From 0.5 to 4.5: with noise it stays from 0 to 5. */
const scale = { nothing: 0.5, perWord: 0.8 } as const;
const synonymChance = 0.3;

export const task = speakerTask({
  name: "similarity",
  description: { kind: "similarity", nClasses: 1 },
  // The score is off by a uniform draw from −`scoreNoise` to `scoreNoise`.
  noise: ["scoreNoise", 0.5],
  example(speaker, topic, scoreNoise, random) {
    const nouns = speaker.ownWords("noun", topic);
    const slots = [
      nouns,
      speaker.ownWords("adjective", topic),
      speaker.ownWords("transitive", topic),
      nouns,
      speaker.ownWords("adverb", undefined),
    ];
    const first = slots.map((words) => oneOf(words, random));
    const nShared = random.below(nSlots + 1);
    const isShared = random.shuffle(slots.map((_, i) => i < nShared));
    const second = first.map((word, i) => {
      if (!isShared[i]) return otherThan(word, slots[i], random);
      return random.float64() < synonymChance ? synonymOf(word, slots[i]) : word;
    });
    const noise = scoreNoise * (2 * random.float64() - 1);
    return {
      texts: [sentence(speaker, first), sentence(speaker, second)],
      label: scale.nothing + scale.perWord * nShared + noise,
    };
  },
  /** Pearson correlation of the score with its expectation given the texts: √(signal variance / all variance). */
  ceiling(scoreNoise) {
    // Words in common: uniform on 0 … nSlots, of variance ((nSlots + 1)² − 1) / 12. Noise: uniform, half-width²/ 3.
    const signal = scale.perWord ** 2 * ((nSlots + 1) ** 2 - 1) / 12;
    return Math.sqrt(signal / (signal + scoreNoise ** 2 / 3));
  },
});

function sentence(speaker: Speaker, words: readonly Word[]): string {
  const [noun, adjective, verb, object, adverb] = words;
  return speaker.event({ subject: { noun, adjective }, verb, object: { noun: object }, adverb });
}
