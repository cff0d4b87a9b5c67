/**
 * Gathers what is known of a trained model: from its record in the store, its recipe, and its evaluation where that is there.
 */
import { basename, dirname, join } from "node:path";
import { isRemote } from "../../datasets/hub/mod.ts";
import type { Manifest } from "../../pipeline/manifest.ts";
import { type Recipe, sourceSpecs } from "../../stages/mod.ts";
import { type PlanOptions, typedOptions } from "../plan_options.ts";
import type { Session } from "../session.ts";
import type { TrainedModels } from "../trained_model.ts";
import type { MeasuredNumber, ModelFacts, SourceFacts } from "./model_facts.ts";

/**
 * @param source Whose table it is, where each source has its own
 * @param cutFrom Rows of the vocabulary that the table was cut from
 */
export async function factsOf(
  models: TrainedModels,
  options: PlanOptions,
  { source, cutFrom }: { readonly source?: string; readonly cutFrom?: number },
): Promise<ModelFacts> {
  const { session, instance, output, manifest } = models;
  const { name, description } = session.recipe;
  return {
    target: instance.id,
    output,
    key: manifest.key,
    digest: manifest.outputs[output],
    recipe: { name, description, typed: typedAnywhere(options) },
    ...originOf(models),
    ...(source === undefined ? {} : { source }),
    ...(cutFrom === undefined ? {} : { cutFrom }),
    sources: sourcesOf(models),
    numbers: [
      ...numbersOfSummary(manifest),
      ...await tuned(models),
      ...await evaluated(models, source),
    ],
  };
}

/** Options without places of this machine: a card is for others. */
function typedAnywhere(options: PlanOptions): string {
  const typed = typedOptions({ ...options, store: ".artifacts" }).trim();
  return typed.replace(/(^|[\s='"[,])\/(?:[^\s'"/,\]]+\/)+/g, "$1…/");
}

/** The variant, or the name of an import and where that came from. */
function originOf({ session, instance: { stage, parts } }: TrainedModels) {
  const name = stage.name === "external"
    ? parts[0]
    : parts[0] === "external"
    ? parts[1]
    : undefined;
  if (name === undefined) return { variant: parts[0] };
  const { from } = (session.recipe as Recipe).external[name];
  return { variant: name, imported: shownPlace(from) };
}

function sourcesOf({ session, sources }: TrainedModels): SourceFacts[] {
  const recipe = session.recipe as Recipe;
  if (recipe.federation?.as === null) {
    return sources.map((name) => ({ name, text: "private text, which its silo keeps" }));
  }
  const specs = sourceSpecs(recipe);
  return sources.map((name) => {
    const spec = specs[name];
    if (spec === undefined) return { name, text: "not in this recipe" };
    const { licence } = spec;
    return { name, text: textOf(spec), ...(licence === undefined ? {} : { licence }) };
  });
}

/** Where a source's text is from. */
function textOf(spec: ReturnType<typeof sourceSpecs>[string]): string {
  if ("generator" in spec) return `invented by the generator \`${spec.generator}\``;
  if ("part" in spec) return `part ${spec.part} of the other sources' text, as clustering found it`;
  const files = ["train" in spec ? spec.train : spec.files].flat().map(shownPlace);
  return files.map((file) => `\`${file}\``).join(", ");
}

/** A remote name as it is; of a file of this machine no more than its folder's name. */
function shownPlace(place: string): string {
  return isRemote(place) ? place : join(basename(dirname(place)), basename(place));
}

/** Numbers that the run itself has summed up. */
function numbersOfSummary({ summary, instance, key }: Manifest): MeasuredNumber[] {
  const measures = {
    validationLossNats: "validation loss of the best round, nats a token",
    lossNatsLast: "training loss of the last step, nats a token",
  };
  return Object.entries(measures).flatMap(([name, measure]) => {
    const value = summary[name];
    return typeof value === "number" ? [{ measure, value, instance, key }] : [];
  });
}

/** Scores of a fine-tuned model: of all runs, of which the best on dev leaves. */
async function tuned(
  { session, instance, manifest, head }: TrainedModels,
): Promise<MeasuredNumber[]> {
  if (head === undefined) return [];
  const folder = await session.objects.require(manifest.outputs.scores, instance.id);
  const { test, testInterval, chance, runs }: ScoresFile = JSON.parse(
    Deno.readTextFileSync(join(folder, "scores.json")),
  );
  const of = { instance: instance.id, key: manifest.key };
  const mean = runs.length === 1 ? "" : `, mean of ${runs.length} runs`;
  return [
    {
      measure: `${head.metric} on test of ${head.task}${mean}`,
      value: test,
      interval: testInterval,
      ...of,
    },
    { measure: `${head.metric} by chance`, value: chance, ...of },
  ];
}

interface ScoresFile {
  readonly test: number;
  readonly testInterval: readonly [number, number];
  readonly chance: number;
  readonly runs: readonly unknown[];
}

interface SummaryFile {
  readonly sources: Readonly<
    Record<string, {
      readonly perplexity: number;
      readonly perplexityInterval: readonly [number, number];
      readonly bitsPerByte: number;
      readonly bitsPerByteInterval: readonly [number, number];
    }>
  >;
}

/** Losses on test text, of every evaluation of the model that the store has; of a source's own table that source's only. */
async function evaluated(models: TrainedModels, source?: string): Promise<MeasuredNumber[]> {
  const { session, instance, output } = models;
  const evaluations = [...session.instances.values()].filter(({ stage, inputs }) => {
    const model = inputs.get("model");
    return stage.name === "evaluate" && model?.from === instance.id && model.output === output;
  });
  const numbers: MeasuredNumber[] = [];
  for (const { id } of evaluations) {
    const found = await losses(session, id);
    if (found === undefined) continue;
    for (const [name, losses] of Object.entries(found.sources)) {
      if (source !== undefined && name !== source) continue;
      const of = { source: name, instance: id, key: found.key };
      numbers.push(
        {
          measure: "perplexity",
          value: losses.perplexity,
          interval: losses.perplexityInterval,
          ...of,
        },
        {
          measure: "bits per byte",
          value: losses.bitsPerByte,
          interval: losses.bitsPerByteInterval,
          ...of,
        },
      );
    }
  }
  return numbers;
}

/** What an evaluation has found, if it is there. */
async function losses(
  session: Session,
  id: string,
): Promise<SummaryFile & { readonly key: string } | undefined> {
  const state = (await session.states([id])).get(id)!;
  if (state.status !== "fresh") return undefined;
  const folder = await session.objects.require(state.manifest.outputs.losses, id);
  const file: SummaryFile = JSON.parse(Deno.readTextFileSync(join(folder, "summary.json")));
  return { ...file, key: state.key };
}
