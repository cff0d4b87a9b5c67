/**
 * Entailment between two texts in velsan: 0 the second follows from the first, 1 it is open, 2 it cannot be true.
 *
 * The first text says that a thing has a quality, and has one plain sentence more. A category has the qualities of its
 * things. Opposites exclude each other: "not bad" follows from "good"; "bad" and "not good" contradict it.
 */
import type { Word } from "./lexicon.ts";
import { oneOf } from "./lists.ts";
import { categories, categoryOf, opinions, things } from "./relations.ts";
import { noisyLabel } from "./speaker.ts";
import { speakerTask } from "./speaker_task.ts";

const nClasses = 3;

export const task = speakerTask({
  name: "entailment",
  description: { kind: "entailment", nClasses },
  noise: ["labelNoise", 0.1],
  example(speaker, topic, labelNoise, random) {
    const thing = oneOf(things(speaker, topic), random);
    const pair = oneOf(opinions(speaker), random);
    const isGood = random.below(2) === 1;
    const [quality, opposite] = isGood ? [pair.good, pair.bad] : [pair.bad, pair.good];
    const premise = [
      speaker.judgement(thing, quality, false),
      speaker.event(speaker.likelyEvent(speaker.noun(topic, random), topic, random)),
    ];
    const label = random.below(nClasses);
    const hypothesis = [follows, isOpen, contradicts][label]();
    return {
      texts: [random.shuffle(premise).join(" "), hypothesis],
      label: noisyLabel(label, nClasses, labelNoise, random),
    };

    function follows(): string {
      const way = random.weighted([0.6, 0.2, 0.2]);
      if (way === 0) return speaker.judgement(categoryOf(speaker, thing, topic), quality, false);
      return way === 1
        ? speaker.judgement(thing, quality, false)
        : speaker.judgement(thing, opposite, true);
    }

    /** Another quality of the thing, or the same quality of something that it is not. */
    function isOpen(): string {
      const way = random.weighted([0.5, 0.3, 0.2]);
      if (way === 0) {
        const other = oneOf(opinions(speaker).filter(({ good }) => good !== pair.good), random);
        const adjective = random.below(2) === 0 ? other.good : other.bad;
        return speaker.judgement(thing, adjective, random.float64() < 0.2);
      }
      const category = categoryOf(speaker, thing, topic);
      const others: readonly Word[] = way === 1
        ? things(speaker, topic)
        : categories(speaker, topic);
      const other = oneOf(others.filter((noun) => noun !== thing && noun !== category), random);
      return speaker.judgement(other, quality, false);
    }

    function contradicts(): string {
      return random.float64() < 0.5
        ? speaker.judgement(thing, quality, true)
        : speaker.judgement(thing, opposite, false);
    }
  },
});
