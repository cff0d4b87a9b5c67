/**
 * A federation of many silos, as tests and instruments run one: its sources, and a leader over any place for bytes by name. The leader
 * is that of a real run: `pretrain()` over `ExchangeRounds`.
 */
import { join } from "node:path";
import { openTokenShards, type TokenShards, writeTokenShards } from "../../datasets/mod.ts";
import { engine } from "../../engine/reference/mod.ts";
import { Random, seedOf, sha256 } from "../../base/mod.ts";
import { type KeyPair, makeKeyPair } from "../../exchange/mod.ts";
import { Leader } from "../../exchange/leader.ts";
import type { NamedBytes } from "../../exchange/named_bytes.ts";
import { PersistentBytes } from "../../exchange/persistent.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { ExchangeRounds } from "../../stages/exchange_rounds.ts";
import { scoresBySilos } from "../../stages/exchange_scores.ts";
import type { Quorum } from "../../stages/round_deadline.ts";
import { roundsExtent } from "../../stages/rounds_extent.ts";
import {
  cutVocabulary,
  type DeclaredSource,
  type LocalHelpers,
  pretrain,
  type PretrainResult,
  type PretrainSettings,
  type TrainingSource,
  type Variant,
  variantNamed,
} from "../../training/mod.ts";
import { stopping } from "./training_steps.ts";

export interface Network {
  readonly nLayers: number;
  readonly dModel: number;
  readonly vocabSize: number;
  /** Rows of V_k, of a source that has as many as most. */
  readonly localRows: number;
}

/** Plain data: what leader and silos of a federation know. */
export interface Federation {
  readonly variant: string;
  readonly sources: number;
  readonly seed: number;
  readonly network: Network;
  readonly settings: PretrainSettings;
  /** Default: rounds wait for all. */
  readonly quorum?: Quorum;
  readonly keys: { readonly run: string; readonly leader: KeyPair; readonly silo: KeyPair };
  /** For text, checkpoints, and states that silos hold. */
  readonly folder: string;
}

export function makeFederation(
  { network, settings, ...asked }:
    & Omit<Federation, "settings" | "keys">
    & { readonly settings: Partial<PretrainSettings> },
): Federation {
  const { nLayers, dModel } = network;
  return {
    ...asked,
    network,
    settings: {
      ...defaults,
      model: { ...defaults.model, nLayers, dModel, nHeads: 2 },
      ...settings,
    },
    keys: { run: sha256("federation"), leader: makeKeyPair(), silo: makeKeyPair() },
  };
}

const defaults: PretrainSettings = {
  model: {
    nLayers: 1,
    dModel: 8,
    nHeads: 2,
    expansion: 4,
    seqLen: 8,
    positions: "alibi",
    bias: true,
  },
  rounds: 3,
  localSteps: 2,
  sourcesPerRound: 8,
  sourceSampling: "uniform",
  windowOrder: "written",
  batchSize: 1,
  microBatchSize: 1,
  inner: {
    peakLearningRate: 0.001,
    schedule: "cosine",
    warmupSteps: 1,
    finalFactor: 0.1,
    decayFraction: 0.1,
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    weightDecay: 0,
    clipNorm: 1,
  },
  outer: { kind: "average" },
  adamState: "reset",
  nonFinite: "stop",
  guard: stopping,
  monitors: { everySteps: null },
  warnings: { activationGrowth: Infinity, epochs: Infinity, unknownShare: Infinity },
  forgetting: "same",
  validationWindows: 1,
  validateAllEvery: 1_000_000,
  validationRows: "own",
  checkpointEverySteps: "auto",
  continuationShare: 0,
};

export function trainingVariant({ variant }: Federation): Variant {
  return variantNamed(variant).training;
}

export function seedIn({ seed }: Federation) {
  return (name: string) => seedOf(seed, name);
}

/** So many have texts of their own; the others share theirs. */
const texts = 8;

export function sourceName(at: number): string {
  return `silo-${String(at).padStart(5, "0")}`;
}

/** Writes the texts of a federation, once. */
export async function writeTexts(federation: Federation): Promise<void> {
  const { network: { vocabSize, localRows }, settings: { model: { seqLen } } } = federation;
  for (let text = 0; text < texts; text++) {
    const random = new Random(seedIn(federation)(`text/${text}`));
    const folder = join(federation.folder, "texts", String(text));
    Deno.mkdirSync(folder, { recursive: true });
    const rows = Math.floor(0.8 * localRows); // every V_k has them
    const ids = Array.from({ length: 40 * seqLen }, () => 4 + random.below(rows - 4));
    await writeTokenShards(folder, [{ ids, bytes: ids.length }], { vocabSize, endId: 2 });
  }
}

/** Opens the sources of a federation. Their vocabularies differ in size by seed. */
export function openSources(
  federation: Federation,
  names: (at: number) => boolean = () => true,
): Sources {
  const { sources, network: { vocabSize, localRows } } = federation;
  const opened = new Map<number, TokenShards>();
  const textOf = (at: number) => {
    const text = at % texts;
    const path = join(federation.folder, "texts", String(text));
    return opened.get(text) ?? opened.set(text, openTokenShards(path)).get(text)!;
  };
  const all: TrainingSource[] = [];
  for (let at = 0; at < sources; at++) {
    if (!names(at)) continue;
    const name = sourceName(at);
    const random = new Random(seedIn(federation)(`vocabulary/${name}`));
    const size = Math.round(localRows * (0.8 + 0.4 * random.float64()));
    const localVocabulary = Int32Array.from({ length: Math.min(size, vocabSize) }, (_, id) => id);
    all.push({ name, train: textOf(at), validation: textOf(at), localVocabulary });
  }
  return {
    all,
    [Symbol.dispose]: () => opened.forEach((shards) => shards.close()),
  };
}

export interface Sources extends Disposable {
  readonly all: readonly TrainingSource[];
}

/** When a round was asked and closed, in milliseconds of `performance.now()`. */
export interface RoundTimes {
  readonly round: number;
  readonly offeredMs: number;
  readonly closedMs: number;
  readonly leftOut: number;
}

export interface Led {
  readonly result: PretrainResult;
  readonly rounds: readonly RoundTimes[];
}

export function checkpointFolderOf({ folder }: Federation): string {
  return join(folder, "checkpoints");
}

/** What the silo of a source says of it before the run. */
function declared(
  { cutsVocabulary, sharesEmbeddings }: Variant,
  { name, train: { tokens, vocabSize }, localVocabulary }: TrainingSource,
): DeclaredSource {
  const vocabulary = !cutsVocabulary
    ? { size: vocabSize }
    : sharesEmbeddings
    ? cutVocabulary(localVocabulary, vocabSize)
    : { size: localVocabulary.length };
  return { name, train: { tokens, vocabSize }, vocabulary };
}

function declarations(federation: Federation): readonly DeclaredSource[] {
  using sources = openSources(federation);
  return sources.all.map((source) => declared(trainingVariant(federation), source));
}

/** Leads a federation to its end, as `serve` does: without text. @param onRound Hears of rounds, after each. */
export async function leadFederation(
  federation: Federation,
  place: NamedBytes,
  onRound: (times: RoundTimes) => void = () => {},
): Promise<Led> {
  const { settings, quorum, keys: { run, leader, silo } } = federation;
  const sources = declarations(federation);
  const variant = trainingVariant(federation);
  const { signal } = new AbortController();
  await using exchange = new Leader(new PersistentBytes(place, () => {}), {
    run,
    privateKey: leader.privateKey,
    silos: Object.fromEntries(sources.map(({ name }) => [name, silo.publicKey])),
  });
  const extent = roundsExtent(variant, settings);
  const parts = { exchange, run, ...extent, log: silentLog, signal };
  const asked = new ExchangeRounds({
    ...parts,
    silos: "foreign",
    quorum,
    score: scoresBySilos({ ...parts, quorum, folder: join(federation.folder, "judged") }),
    folder: join(federation.folder, "answers"),
    failed: Promise.withResolvers<never>().promise,
  });
  const times: RoundTimes[] = [];
  let offeredMs = 0;
  const helpers: LocalHelpers = {
    train(tasks, round) {
      offeredMs = performance.now();
      return asked.train(tasks, round);
    },
    async close(round, record) {
      await asked.close(round, record);
      const leftOut = Object.keys(record.leftOut).length;
      times.push({ round, offeredMs, closedMs: performance.now(), leftOut });
      onRound(times.at(-1)!);
    },
    score: asked.score,
    forget: (beforeRound) => asked.forget(beforeRound),
  };
  const result = await pretrain({
    variant,
    settings,
    sources,
    engine,
    engineOptions: { threads: 1, precision: "fp32" },
    seed: seedIn(federation),
    checkpointFolder: checkpointFolderOf(federation),
    log: silentLog,
    signal,
    helpers,
  });
  return { result, rounds: times };
}
