/**
 * Sources of a round that are trained side by side on this machine: an exchange in the folder of checkpoints, and processes that answer.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { sha256, writeFileAtomic } from "../base/mod.ts";
import { type KeyPair, makeKeyPair, openLeader } from "../exchange/mod.ts";
import type { StageLog } from "../pipeline/stage.ts";
import {
  heldFolder,
  type LocalHelpers,
  Participants,
  type PretrainSettings,
  type TrainingSource,
  type Variant,
} from "../training/mod.ts";
import { ExchangeRounds } from "./exchange_rounds.ts";
import { SiloProcesses } from "./silo_processes.ts";
import type { SiloSetup } from "./silo_setup.ts";

interface ParallelSourcesOptions {
  /** Processes. */
  readonly count: number;
  readonly setup: Omit<SiloSetup, "exchange" | "participants" | "heldFolder">;
  readonly sources: readonly TrainingSource[];
  readonly log: StageLog;
  readonly signal: AbortSignal;
}

/** The keys of both sides, which are those of one user here. */
interface Keys {
  readonly leader: KeyPair;
  readonly silo: KeyPair;
}

/** Processes that answer the tasks of a run, and what the leader of the run asks them by. */
export interface ParallelSources {
  readonly helpers: LocalHelpers;
  readonly processes: SiloProcesses;
  /** Ends the processes. What they have answered stays beside the checkpoints, and so does what they have in hand. */
  close(): Promise<void>;
}

/** Starts processes for a run. */
export async function openParallelSources(
  { count, setup, sources, log, signal }: ParallelSourcesOptions,
): Promise<ParallelSources> {
  const { variant, settings, checkpointFolder } = setup;
  const folder = join(checkpointFolder, ".exchange");
  const run = sha256(checkpointFolder); // the exchange is of this run alone
  const keys = keysIn(folder);
  const url = `folder:${folder}`;
  const participants = new Participants({ variant, settings, sources }).names;
  const exchange = await openLeader(url, {
    run,
    privateKey: keys.leader.privateKey,
    silos: Object.fromEntries(participants.map((name) => [name, keys.silo.publicKey])),
  });
  const access = {
    url,
    leaderKey: keys.leader.publicKey,
    privateKey: keys.silo.privateKey,
  };
  const held = heldFolder(checkpointFolder);
  const processes = new SiloProcesses({
    count,
    setup: { ...setup, exchange: access, participants, heldFolder: held },
    log,
    signal,
  });
  const helpers = new ExchangeRounds({
    exchange,
    run,
    sendsAlike: sendsAlike(variant),
    ...extentOf(settings),
    folder: join(checkpointFolder, ".answers"),
    failed: processes.failed,
    log,
    signal,
  });
  return {
    helpers,
    processes,
    async close() {
      await processes.close();
      await exchange[Symbol.asyncDispose]();
    },
  };
}

/** Whether all participants of a round are sent the same: rows of ϕ are cut where it is both shared and cut. */
function sendsAlike({ cutsVocabulary, sharesEmbeddings }: Variant): boolean {
  return !(cutsVocabulary && sharesEmbeddings);
}

function extentOf(
  { rounds, localSteps, sourcesPerRound, batchSize, model }: PretrainSettings,
): Pick<
  ConstructorParameters<typeof ExchangeRounds>[0],
  "localSteps" | "stepTokens" | "totalSteps"
> {
  return {
    localSteps,
    stepTokens: batchSize * model.seqLen,
    totalSteps: rounds * localSteps * sourcesPerRound,
  };
}

/** Those of the exchange: answers of an earlier process are read with them. */
function keysIn(folder: string): Keys {
  const path = join(folder, "keys.json");
  if (!existsSync(path)) {
    Deno.mkdirSync(folder, { recursive: true });
    writeFileAtomic(path, JSON.stringify({ leader: makeKeyPair(), silo: makeKeyPair() }));
    Deno.chmodSync(path, 0o600);
  }
  return JSON.parse(Deno.readTextFileSync(path));
}
