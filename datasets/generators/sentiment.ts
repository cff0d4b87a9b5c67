/**
 * Sentiment of a short text in velsan: three judgements with good and bad adjectives, and one plain sentence. The word "ne"
 * (not) before an adjective turns its judgement around. Class 1 if most judgements are good, 0 if most are bad.
 */
import { oneOf } from "./lists.ts";
import { opinions } from "./relations.ts";
import { noisyLabel } from "./speaker.ts";
import { speakerTask } from "./speaker_task.ts";

const nJudgements = 3;
/** Chance that a judgement agrees with the tendency of its text, and chance that it has "ne". */
const chances = { tendency: 0.9, negation: 0.15 } as const;

export const task = speakerTask({
  name: "sentiment",
  description: { kind: "classification", nClasses: 2 },
  noise: ["labelNoise", 0.1],
  example(speaker, topic, labelNoise, random) {
    const tendency = random.below(2);
    const sentences: string[] = [];
    let nGood = 0;
    for (let i = 0; i < nJudgements; i++) {
      const isGood = (random.float64() < chances.tendency) === (tendency === 1);
      const isNegated = random.float64() < chances.negation;
      const pair = oneOf(opinions(speaker), random);
      const adjective = isGood !== isNegated ? pair.good : pair.bad;
      sentences.push(speaker.judgement(speaker.noun(topic, random), adjective, isNegated));
      nGood += Number(isGood);
    }
    const event = speaker.likelyEvent(speaker.noun(topic, random), topic, random);
    sentences.splice(random.below(nJudgements + 1), 0, speaker.event(event));
    const label = nGood > nJudgements / 2 ? 1 : 0;
    return { texts: [sentences.join(" ")], label: noisyLabel(label, 2, labelNoise, random) };
  },
});
