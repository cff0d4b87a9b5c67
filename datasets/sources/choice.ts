/**
 * Reading comprehension in velsan: a passage tells who does what to whom, a question repeats one subject and verb, and one
 * of four answers is the object that the passage gave them. Two of the others stand in the passage, too.
 */
import type { Random } from "../../pipeline/base/mod.ts";
import type { GeneratedTask, TaskExample } from "../task.ts";
import type { Word } from "./_lexicon.ts";
import { checkKeys, fraction } from "./_options.ts";
import { type Event, examplesOf, noisyLabel, Speaker } from "./_speaker.ts";

export interface ChoiceOptions {
  /** Share of the examples with the wrong label, at most 0.5. */
  readonly labelNoise?: number;
}

export const choiceDefaults = { labelNoise: 0 } as const;

const nOptions = 4;
const nEvents = 3;

export const task: GeneratedTask<ChoiceOptions> = {
  description: { kind: "choice", nClasses: nOptions },
  examples(options, split, seed) {
    const labelNoise = readNoise(options);
    const speaker = new Speaker();
    return examplesOf((topic, random) => example(speaker, topic, labelNoise, random), split, seed);
  },
  ceiling: (options) => 1 - readNoise(options),
};

function example(
  speaker: Speaker,
  topic: number,
  labelNoise: number,
  random: Random,
): TaskExample {
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
}

/** Events such that no two share a subject or an object. */
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

function readNoise(options: ChoiceOptions): number {
  const what = "generated task choice";
  checkKeys(what, options, Object.keys(choiceDefaults));
  const { labelNoise } = { ...choiceDefaults, ...options };
  return fraction(what, "labelNoise", labelNoise, 0, 0.5);
}
