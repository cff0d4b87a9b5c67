/**
 * Sources of a round that are trained side by side: an exchange, and processes that answer.
 */
import { join } from "node:path";
import type { StageLog } from "../pipeline/stage.ts";
import {
  heldFolder,
  type LocalHelpers,
  Participants,
  type TrainingSource,
} from "../training/mod.ts";
import { type ExchangePlace, openLeaderAt } from "./exchange_place.ts";
import { ExchangeRounds } from "./exchange_rounds.ts";
import type { Quorum } from "./round_deadline.ts";
import { roundsExtent } from "./rounds_extent.ts";
import { runKeysIn } from "./run_keys.ts";
import { SiloProcesses } from "./silo_processes.ts";
import type { SiloSetup, UnnamedSetup } from "./silo_setup.ts";

/** What those who train and the one who asks them know of a run. */
export interface RunParts {
  readonly setup: Omit<SiloSetup, "exchange" | "participants" | "heldFolder">;
  readonly sources: readonly TrainingSource[];
  /** Default: a folder beside the checkpoints. */
  readonly exchange?: ExchangePlace;
}

interface ParallelSourcesOptions extends RunParts {
  /** Processes; others may take tasks too. */
  readonly count: number;
  readonly quorum?: Quorum;
  readonly log: StageLog;
  readonly signal: AbortSignal;
}

/** Processes that answer the tasks of a run, and what the leader of the run asks them by. */
export interface ParallelSources {
  readonly helpers: LocalHelpers;
  readonly processes: SiloProcesses;
  /** Ends the processes. What they have answered stays beside the checkpoints, and so does what they have in hand. */
  close(): Promise<void>;
}

/** Opens the exchange of a run, and starts processes for it. */
export async function openParallelSources(
  { count, quorum, log, signal, ...parts }: ParallelSourcesOptions,
): Promise<ParallelSources> {
  const { variant, settings, checkpointFolder } = parts.setup;
  const { run, leader, silo } = runKeysIn(checkpointFolder);
  const setup = siloSetupOf(parts);
  const exchange = await openLeaderAt(setup.exchange, {
    run,
    privateKey: leader.privateKey,
    silos: Object.fromEntries(setup.participants.map((name) => [name, silo.publicKey])),
    onTrouble: (message) => log.warn(message),
  });
  const processes = new SiloProcesses({ count, setup, log, signal });
  const helpers = new ExchangeRounds({
    exchange,
    run,
    silos: "own",
    quorum,
    ...roundsExtent(variant, settings),
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

/** What a process is told that takes tasks of a run, except its name. */
export function siloSetupOf({ setup, sources, exchange }: RunParts): UnnamedSetup {
  const { variant, settings, checkpointFolder } = setup;
  const { run, leader, silo } = runKeysIn(checkpointFolder);
  return {
    ...setup,
    exchange: {
      ...exchange ?? { url: `folder:${join(checkpointFolder, ".exchange")}` },
      run,
      leaderKey: leader.publicKey,
      privateKey: silo.privateKey,
    },
    participants: new Participants({ variant, settings, sources }).names,
    heldFolder: heldFolder(checkpointFolder),
  };
}
