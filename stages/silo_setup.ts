/**
 * What a process needs to train participants of a run for its leader: plain data, as the process is told it.
 */
import type { Seed } from "../base/mod.ts";
import type { PretrainSettings, Variant } from "../training/mod.ts";
import type { ExchangePlace } from "./exchange_place.ts";
import type { EngineParams } from "./recipe.ts";

/** The line that asks a process to stop, after a checkpoint of the task under way. */
export const stopLine = "stop";

export interface SiloSetup {
  /** Where tasks come from, and the keys of who says them and of who answers. */
  readonly exchange: ExchangePlace & {
    readonly run: string;
    readonly leaderKey: string;
    readonly privateKey: string;
    /** The name of this process among those that answer. One that starts again under its name goes on with what it held. */
    readonly worker: string;
  };
  /** Whose tasks it takes. */
  readonly participants: readonly string[];
  readonly variant: Variant;
  /** URL of the module that exports the engine. */
  readonly engineModule: string;
  readonly settings: PretrainSettings;
  readonly engine: EngineParams;
  readonly sources: readonly SiloSource[];
  /** `participantSeeds`. */
  readonly seeds: Readonly<Record<string, Seed>>;
  /** States that participants hold: `HeldStates`. */
  readonly heldFolder: string;
  /** For what is under way. */
  readonly checkpointFolder: string;
}

/** The same for all processes of a run. */
export type UnnamedSetup = Omit<SiloSetup, "exchange"> & {
  readonly exchange: Omit<SiloSetup["exchange"], "worker">;
};

interface SiloSource {
  readonly name: string;
  /** Folders of token shards. */
  readonly train: string;
  readonly validation: string;
  readonly localVocabulary: readonly number[];
}
