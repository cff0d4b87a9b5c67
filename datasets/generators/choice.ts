/**
 * Reading comprehension in velsan. A passage tells who does what to whom. A question repeats one subject and its verb, and
 * one of the four answers is their object in the passage. Two of the other answers stand in the passage, too.
 */
import type { Random } from "../../base/mod.ts";
import type { Word } from "./lexicon.ts";
import { type Event, noisyLabel, type Speaker } from "./speaker.ts";
import { speakerTask } from "./speaker_task.ts";

const nOptions = 4;
const nEvents = 3;

export const task = speakerTask({
  name: "choice",
  description: { kind: "choice", nClasses: nOptions },
  noise: ["labelNoise", 0],
  example(speaker, topic, labelNoise, random) {
    const events = differentEvents(speaker, topic, random);
    const passage = events.map((event) => speaker.event(event));
    const asked = events[random.below(nEvents)];
    const mentioned = new Set<Word>(events.map(({ object }) => object.noun));
    const strangers = speaker.ownWords("noun", topic).filter((noun) => !mentioned.has(noun));
    const nouns = random.shuffle([...mentioned, strangers[random.below(strangers.length)]]);
    return {
      texts: [`${passage.join(" ")} ${speaker.question(asked)}`],
      options: nouns.map((noun) => speaker.answer({ noun })),
      label: noisyLabel(nouns.indexOf(asked.object.noun), nOptions, labelNoise, random),
    };
  },
});

/** Events: no two have the same subject or the same object. */
function differentEvents(speaker: Speaker, topic: number, random: Random): Event[] {
  const events: Event[] = [];
  while (events.length < nEvents) {
    const event = speaker.likelyEvent(speaker.noun(topic, random), topic, random);
    const isNew = events.every(({ subject, object }) =>
      subject.noun !== event.subject.noun && object.noun !== event.object.noun
    );
    if (isNew) events.push(event);
  }
  return events;
}
