/**
 * Similarity of two sentences in velsan, from 0 to 5: both have a subject, an adjective, a verb, an object and an adverb,
 * and the score grows with how many of the five mean the same in both. Words of a pair of synonyms mean the same.
 */
import type { Random } from "../../pipeline/base/mod.ts";
import type { GeneratedTask, TaskExample } from "../task.ts";
import type { Word } from "./_lexicon.ts";
import { oneOf } from "./_lists.ts";
import { checkKeys, fraction } from "./_options.ts";
import { otherThan, synonymOf } from "./_relations.ts";
import { examplesOf, Speaker } from "./_speaker.ts";

export interface SimilarityOptions {
  /** The score is off by a uniform draw from −`scoreNoise` to `scoreNoise`, at most 0.5. */
  readonly scoreNoise?: number;
}

export const similarityDefaults = { scoreNoise: 0.5 } as const;

const nSlots = 5;
/** Score of sentences with nothing in common, and what each word in common adds: 0.5 to 4.5, so that noise stays in 0 to 5. */
const scale = { nothing: 0.5, perWord: 0.8 } as const;
const synonymChance = 0.3;

export const task: GeneratedTask<SimilarityOptions> = {
  description: { kind: "similarity", nClasses: 1 },
  examples(options, split, seed) {
    const scoreNoise = readNoise(options);
    const speaker = new Speaker();
    return examplesOf((topic, random) => example(speaker, topic, scoreNoise, random), split, seed);
  },
  /** Pearson correlation of the score with its expectation given the texts: √(signal variance / all variance). */
  ceiling(options) {
    // Words in common: uniform on 0 … nSlots, of variance ((nSlots + 1)² − 1) / 12. Noise: uniform, half-width²/ 3.
    const signal = scale.perWord ** 2 * ((nSlots + 1) ** 2 - 1) / 12;
    return Math.sqrt(signal / (signal + readNoise(options) ** 2 / 3));
  },
};

function example(
  speaker: Speaker,
  topic: number,
  scoreNoise: number,
  random: Random,
): TaskExample {
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
}

function sentence(speaker: Speaker, words: readonly Word[]): string {
  const [noun, adjective, verb, object, adverb] = words;
  return speaker.event({ subject: { noun, adjective }, verb, object: { noun: object }, adverb });
}

function readNoise(options: SimilarityOptions): number {
  const what = "generated task similarity";
  checkKeys(what, options, Object.keys(similarityDefaults));
  const { scoreNoise } = { ...similarityDefaults, ...options };
  return fraction(what, "scoreNoise", scoreNoise, 0, 0.5);
}
