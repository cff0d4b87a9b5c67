/**
 * Evaluates a model whose sources keep their tables on text of which nobody says the source: each document goes to the source whose
 * counts of pieces tell it in the fewest bits, and is predicted with that source's table.
 *
 * Documents are cut into pieces by the very tokenizer of the table (a table of V_k by the tokenizer cut to V_k), so that no piece is
 * unknown to it, also in another source's text.
 *
 * in   model                checkpoint of pre-training
 *      documents/<source>   test text of every source, held-out ones too
 *      tokenizer/<source>, statistics/<source>  of the sources that were trained on
 * out  routed   losses as those of `evaluate`
 *      own      the same where each trained source's documents are predicted with its own table
 *      routing  `routing.json`: how many documents of each source went where, and what unigram models need for its text
 *
 * Source: `training/routing.ts`; DEPT App. F leaves it open.
 */
import { join } from "node:path";
import { readTextIfThere, StageError, writeFileAtomic, writeFileSynced } from "../base/mod.ts";
import { readDocuments, tokenList, unigramModel } from "../datasets/mod.ts";
import { engineModule, type Program } from "../engine/mod.ts";
import { languageModelGraph, type ModelConfig } from "../model/mod.ts";
import {
  group,
  type OutputRef,
  type Stage,
  type StageContext,
  type StageSummary,
} from "../pipeline/stage.ts";
import { specialIds } from "../tokenizers/mod.ts";
import {
  type DocumentLosses,
  documentLosses,
  nextTick,
  readCheckpoint,
  Router,
  type Variant,
  variantNamed,
  writeTensors,
} from "../training/mod.ts";
import { writeLosses } from "./evaluated_losses.ts";
import { lossesOf, lossSums } from "./evaluation_progress.ts";
import {
  canBeStitched,
  openOwnTables,
  type OwnTable,
  ownTableInputs,
  stitchedVariants,
  whyImpossible,
} from "./own_tables.ts";
import { engineClaims, type EngineParams, hasNativeEngine, type Recipe } from "./recipe.ts";
import { accuracyOf, type Routing } from "./routing.ts";
import { allSources } from "./sources.ts";
import { evaluatedSplit } from "./text_checks.ts";
import type { EngineModules } from "./training_inputs.ts";

interface RouteParams {
  readonly variant: Variant;
  readonly batchSize: number;
  readonly bootstrapSamples: number;
  readonly engine: EngineParams;
}
type Context = StageContext<RouteParams, object, EngineModules>;

export const route: Stage<Recipe, RouteParams, object, EngineModules> = {
  name: "route",
  description: "Evaluates sources' own tables on text whose source is found, not said",
  module: import.meta.url,
  instances: (recipe) => stitchedVariants(recipe).map((variant) => [variant]),
  onRequest: (recipe, parts) => parts.length === 1 && canBeStitched(recipe, parts[0]),
  impossible: (recipe, [variant]) => whyImpossible(recipe, variant),
  declare(recipe, [id]) {
    const { engine, evaluate: { batchSize, bootstrapSamples } } = recipe;
    const documents = allSources(recipe).map((source): [string, OutputRef] => [
      `documents/${source}`,
      `documents/${source}/${evaluatedSplit}#documents`,
    ]);
    return {
      inputs: {
        model: `pretrain/${id}#best`,
        ...Object.fromEntries(documents),
        ...ownTableInputs(recipe, id),
      },
      outputs: ["routed", "own", "routing"],
      params: { variant: variantNamed(id).training, batchSize, bootstrapSamples, engine },
      seeds: ["evaluate/bootstrap"],
      uses: { engine: engineModule(engine.kind) },
      isNative: hasNativeEngine(recipe),
      claims: engineClaims(recipe),
      weight: 2,
    };
  },
};

/** A source's documents, as the tables that are used on them have them. */
interface RoutedDocuments {
  readonly source: string;
  /** Numbers of the tables, by document. */
  readonly chosen: readonly number[];
  /** Pieces by the chosen table. */
  readonly routed: readonly Int32Array[];
  /** Pieces by the source's own table; empty where it has none. */
  readonly own: readonly Int32Array[];
}

export async function run(context: Context): Promise<StageSummary> {
  const { params, inputs, outputs, seed, log } = context;
  const { groups, state: { model } } = readCheckpoint<{ model: ModelConfig }>(inputs.model);
  const tables = openOwnTables(params.variant, { groups, state: {} }, inputs);
  if (tables.length === 0) {
    throw new StageError(
      `Cannot route texts to the tables of ${params.variant.id}: expected a source that was trained on, found none`,
    );
  }
  const { texts, routing } = await routeTexts(context, tables);
  writeFileSynced(`${outputs.routing}/routing.json`, JSON.stringify(routing, null, 2) + "\n");
  const routed = new Map(texts.map(({ source, chosen }) => [source, emptyLosses(chosen.length)]));
  const own = new Map<string, DocumentLosses>();
  for (const [k, table] of tables.entries()) {
    const config = { ...model, vocabSize: table.counts.length };
    const graph = languageModelGraph(config, params.batchSize, { sequenceLength: model.seqLen });
    const program = await context.modules.engine.engine.compile(graph, params.engine);
    try {
      await writeTensors(program, { ...groups.model, ...table.tensors });
      for (const [x, text] of texts.entries()) {
        const { source, chosen } = text;
        const places = chosen.flatMap((table, document) => table === k ? [document] : []);
        const score = (kind: string, documents: readonly Int32Array[]) =>
          scoreDocuments(context, program, table, documents, {
            kind,
            source,
            seqLen: model.seqLen,
            progress: { done: k * texts.length + x, total: tables.length * texts.length },
          });
        const found = await score("routed", places.map((document) => text.routed[document]));
        scatter(found, places, routed.get(source)!);
        if (source !== table.source) continue;
        // Windows are the same where every document came here.
        own.set(source, places.length === chosen.length ? found : await score("own", text.own));
      }
    } finally {
      await program.dispose();
    }
  }
  const settings = { ...params, seed: seed("evaluate/bootstrap"), log };
  const { meanBitsPerByte } = writeLosses(outputs.routed, routed, settings);
  const ofOwn = writeLosses(outputs.own, own, settings);
  return {
    accuracy: accuracyOf(routing),
    routedBitsPerByte: meanBitsPerByte,
    ownBitsPerByte: ofOwn.meanBitsPerByte,
  };
}

async function routeTexts(
  { inputs, signal }: Context,
  tables: readonly OwnTable[],
): Promise<{ readonly texts: readonly RoutedDocuments[]; readonly routing: Routing }> {
  const router = new Router(tables);
  const texts: RoutedDocuments[] = [];
  const sources: Record<string, Routing["sources"][string]> = {};
  for (const [source, folder] of group(inputs, "documents")) {
    const place = tables.findIndex((table) => table.source === source);
    const [chosen, routed, own] = [[] as number[], [] as Int32Array[], [] as Int32Array[]];
    const nats = tables.map(() => 0);
    let bytes = 0;
    for await (const { text } of readDocuments(folder)) {
      signal.throwIfAborted();
      const readings = router.read(text);
      const k = router.choose(readings);
      chosen.push(k);
      routed.push(readings[k].ids);
      if (place >= 0) own.push(readings[place].ids);
      readings.forEach((reading, k) => nats[k] += reading.nats);
      bytes += new TextEncoder().encode(text).length;
    }
    texts.push({ source, chosen, routed, own });
    sources[source] = {
      documents: tables.map((_, k) => chosen.filter((table) => table === k).length),
      bitsPerByte: nats.map((sum) => sum / Math.LN2 / bytes),
    };
  }
  return {
    texts,
    routing: { format: 1, tables: tables.map(({ source }) => source), sources },
  };
}

/** The losses of documents by one table; what a stopped run has found is kept. */
async function scoreDocuments(
  { params, checkpointFolder, log, signal }: Context,
  program: Program,
  { source: table, tokenizer, counts }: OwnTable,
  documents: readonly Int32Array[],
  { kind, source, seqLen, progress }: {
    readonly kind: string;
    readonly source: string;
    readonly seqLen: number;
    readonly progress: { readonly done: number; readonly total: number };
  },
): Promise<DocumentLosses> {
  const kept = join(checkpointFolder, `${kind}-${table}-${source}.json`);
  const known = readKept(kept, documents.length);
  if (known !== undefined) return known;
  const losses = await documentLosses(
    program,
    {
      name: source,
      text: tokenList(documents, {
        endId: specialIds.end,
        vocabSize: tokenizer.vocabSize,
        bytes: 0, // not asked for
      }),
      byteLength: (id) => tokenizer.byteLength(id),
      unigram: unigramModel(counts),
    },
    {
      batchSize: params.batchSize,
      seqLen,
      onBatch: async () => {
        await nextTick();
        log.progress({ ...progress, unit: "texts", note: `${source} by ${table}` });
        signal.throwIfAborted();
      },
    },
  );
  writeFileAtomic(kept, JSON.stringify(lossSums.map((sum) => Array.from(losses[sum]))));
  return losses;
}

function emptyLosses(documents: number): DocumentLosses {
  return lossesOf(lossSums.map(() => new Float64Array(documents)));
}

/** Undefined where there is no file, or a damaged one. */
function readKept(path: string, documents: number): DocumentLosses | undefined {
  try {
    const found: number[][] = JSON.parse(readTextIfThere(path) ?? "");
    const isWhole = found.length === lossSums.length &&
      found.every(({ length }) => length === documents);
    return isWhole ? lossesOf(found.map((sum) => Float64Array.from(sum))) : undefined;
  } catch {
    return undefined;
  }
}

/** Puts the losses of some documents into those of all. @param places Of each document. */
function scatter(from: DocumentLosses, places: readonly number[], to: DocumentLosses): void {
  for (const sum of lossSums) places.forEach((place, i) => to[sum][place] = from[sum][i]);
}
