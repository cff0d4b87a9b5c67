/**
 * What the generated tasks have in common: one option, the noise of their labels, and examples by a speaker of velsan.
 */
import type { Random } from "../../base/mod.ts";
import type { GeneratedTask, TaskDescription, TaskExample } from "../task.ts";
import { checkKeys, fraction } from "./options.ts";
import { examplesOf, Speaker } from "./speaker.ts";

/** `labelNoise`: share of the examples with the wrong label; of scores `scoreNoise`: the greatest error. At most 0.5. */
type NoiseOptions = Readonly<Partial<Record<"labelNoise" | "scoreNoise", number>>>;

interface SpeakerTask {
  readonly name: string;
  readonly description: TaskDescription;
  /** The option and its default. */
  readonly noise: readonly [key: keyof NoiseOptions, without: number];
  /** An example about a topic of the language. */
  example(speaker: Speaker, topic: number, noise: number, random: Random): TaskExample;
  /** See `GeneratedTask`; of a class, unless given, what is right if `noise` of the labels are wrong. */
  ceiling?(noise: number): number;
}

/** A task for the registry, its options checked. */
export function speakerTask(
  { name, description, noise: [key, without], example, ceiling = (noise) => 1 - noise }:
    SpeakerTask,
): GeneratedTask<NoiseOptions> {
  const noiseOf = (options: NoiseOptions): number => {
    const what = `generated task ${name}`;
    checkKeys(what, options, [key]);
    return fraction(what, key, { [key]: without, ...options }[key], 0, 0.5);
  };
  return {
    description,
    examples(options, split, seed) {
      const noise = noiseOf(options);
      const speaker = new Speaker();
      return examplesOf((topic, random) => example(speaker, topic, noise, random), split, seed);
    },
    ceiling: (options) => ceiling(noiseOf(options)),
  };
}
