/**
 * What the stages of a run of several parties have in common: the leader's, and a silo's.
 */
import { StageError } from "../base/mod.ts";
import type { SharedWork, StageDeclaration } from "../pipeline/stage.ts";
import { type CheckpointEvery, trainsBySource, variantNamed } from "../training/mod.ts";
import type { ExchangePlace } from "./exchange_place.ts";
import type { Recipe } from "./recipe.ts";
import type { EngineModules } from "./training_inputs.ts";

export interface PartyHints {
  readonly checkpointEverySteps: CheckpointEvery;
  /** Where the party's keys are, and what it holds. */
  readonly folder: string;
  readonly exchange?: Pick<ExchangePlace, "url">;
}

/** One for each variant that trains source by source. */
export function partyInstances({ pretrain }: Recipe): readonly (readonly string[])[] {
  return pretrain.variants.filter((id) => trainsBySource(variantNamed(id).training))
    .map((id) => [id]);
}

/** What an instance is told of the exchange where its party meets the others, and what it may access there. */
export function meeting<Params extends object>(
  { hints, access: own }: StageDeclaration<Params, PartyHints, EngineModules>,
  { url, module, access }: SharedWork,
) {
  return {
    hints: { ...hints, exchange: { url } },
    ...(module === undefined ? {} : { hintModules: { exchange: module } }),
    access: {
      ...access,
      folders: [...access.folders, ...own!.folders],
      files: [...access.files ?? [], ...own!.files ?? []],
    },
  };
}

/** Where the parties meet, and what opens it. @throws StageError for an instance that is run without an exchange */
export function placeOf(
  exchange: PartyHints["exchange"],
  moduleUrls: Readonly<Record<string, string | undefined>>,
): ExchangePlace {
  if (exchange !== undefined) return { ...exchange, module: moduleUrls.exchange };
  throw new StageError(
    "Cannot meet the other parties: expected an exchange, found none; " +
      "do: deno task pipeline serve, or silo --invitation",
  );
}
