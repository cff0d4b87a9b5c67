/**
 * How much a variant trains: its steps and tokens beside those that a recipe gives to DEPT.
 */
import type { PretrainSettings } from "./settings.ts";
import type { Variant } from "./variant.ts";

/** What decides how much is trained. */
type Extent =
  & Pick<PretrainSettings, "rounds" | "localSteps" | "sourcesPerRound" | "batchSize">
  & { readonly inner: Pick<PretrainSettings["inner"], "warmupSteps"> };

/** The settings that a variant trains with: those of a recipe, which are DEPT's, in the variant's own extent. */
export function settingsOf<Settings extends Extent>(
  { mixture, isUntrained }: Pick<Variant, "mixture" | "isUntrained">,
  settings: Settings,
): Settings {
  const { localSteps, sourcesPerRound, batchSize, inner } = settings;
  if (isUntrained) return { ...settings, rounds: 0 };
  switch (mixture?.budget) {
    case "tokens-by-batch":
      return { ...settings, batchSize: batchSize * sourcesPerRound };
    case "tokens-by-steps":
      return {
        ...settings,
        localSteps: localSteps * sourcesPerRound,
        inner: { ...inner, warmupSteps: inner.warmupSteps * sourcesPerRound },
      };
    default:
      return settings;
  }
}

/** What pre-training takes. */
export interface PretrainBudget {
  /** Steps that come one after the other: those of a round's sources are taken side by side. */
  readonly steps: number;
  /** Training tokens of all steps, of all who train in a round. */
  readonly tokens: number;
}

/** The steps and tokens that pre-training of a variant takes. */
export function pretrainBudget(
  variant: Pick<Variant, "mixture" | "isUntrained">,
  settings: Extent & { readonly model: { readonly seqLen: number } },
): PretrainBudget {
  const { rounds, localSteps, batchSize, model, sourcesPerRound } = settingsOf(variant, settings);
  const steps = rounds * localSteps;
  const perRound = variant.mixture ? 1 : sourcesPerRound;
  return { steps, tokens: steps * perRound * batchSize * model.seqLen };
}
