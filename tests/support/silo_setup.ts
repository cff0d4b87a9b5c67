/**
 * What processes that train for a leader are told, of the runs that tests of training use.
 */
import { engineModule } from "../../engine/mod.ts";
import type { RunParts } from "../../stages/parallel_sources.ts";
import { participantSeeds } from "../../training/mod.ts";
import { type pretraining, seed } from "../training/support.ts";

/** @param folder Of the sources' text. @param engine URL of the module of the engine */
export function trainingSetup(
  { variant, settings, sources, checkpointFolder }: ReturnType<typeof pretraining>,
  folder: string,
  engine: string = engineModule("reference"),
): RunParts["setup"] {
  return {
    variant,
    engineModule: engine,
    settings,
    engine: { kind: "reference", threads: 1, precision: "fp32" },
    sources: sources.map(({ name, localVocabulary }) => ({
      name,
      train: `${folder}/${name}/train`,
      validation: `${folder}/${name}/validation`,
      localVocabulary: [...localVocabulary],
    })),
    seeds: participantSeeds(variant, sources.map(({ name }) => name), seed),
    checkpointFolder,
  };
}
