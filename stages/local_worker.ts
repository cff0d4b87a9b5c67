/**
 * The process that trains participants for another one: reads what it works with, then a task a line, and writes a line when
 * a task is done. Ends when its input does.
 */
import {
  leaveSignals,
  messageOf,
  reportFileLimit,
  type Seed,
  StageError,
  writeAll,
} from "../base/mod.ts";
import type { StageLog } from "../pipeline/stage.ts";
import { openTokenShards } from "../datasets/mod.ts";
import {
  heldFolder,
  HeldStates,
  type LocalTask,
  LocalTrainer,
  packState,
  type PretrainSettings,
  readCheckpoint,
  unpackState,
  type Variant,
  writeCheckpoint,
} from "../training/mod.ts";
import type { EngineParams } from "./recipe.ts";

/** What all tasks of a process work with. */
export interface WorkerSetup {
  readonly variant: Variant;
  /** URL of the module that exports the engine. */
  readonly engineModule: string;
  readonly settings: PretrainSettings;
  readonly engine: EngineParams;
  readonly sources: readonly WorkerSource[];
  /** `participantSeeds`. */
  readonly seeds: Readonly<Record<string, Seed>>;
  /** That of the run. */
  readonly checkpointFolder: string;
}

interface WorkerSource {
  readonly name: string;
  /** Folders of token shards. */
  readonly train: string;
  readonly validation: string;
  readonly localVocabulary: readonly number[];
}

/** A line after the setup: the folder of a task's checkpoint, and the folder to write its outcome into. */
interface WorkerRequest {
  readonly task: string;
  readonly outcome: string;
}

/** The line that asks to stop, after a checkpoint of the task under way. */
export interface WorkerStop {
  readonly stop: true;
}

export type WorkerMessage =
  | { readonly type: "done" | "stopped" }
  | { readonly type: "failed"; readonly message: string }
  | {
    readonly type: "log";
    readonly level: "info" | "warn";
    readonly message: string;
    readonly fields?: Parameters<StageLog["info"]>[1];
  };

async function serve(): Promise<void> {
  leaveSignals(["SIGINT", "SIGHUP", "SIGTERM"]); // it ends when its input does
  reportFileLimit();
  console.log = console.info = console.debug = console.error; // what libraries print is no message
  const stop = new AbortController();
  let trainer: Promise<LocalTrainer> | undefined;
  let work: Promise<void> = Promise.resolve();
  let text = "";
  for await (const part of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (text + part).split("\n");
    text = lines.pop()!;
    for (const line of lines) {
      const message = JSON.parse(line);
      if ("stop" in message) stop.abort();
      else if (trainer === undefined) {
        trainer = openTrainer(message, stop.signal);
        trainer.catch(() => {}); // the first task says why
      } else {
        const opened = trainer;
        work = work.then(async () => send(await answer(opened, message, stop.signal)));
      }
    }
  }
  Deno.exit(0); // the process that asked has ended
}

async function answer(
  trainer: Promise<LocalTrainer>,
  { task, outcome }: WorkerRequest,
  stop: AbortSignal,
): Promise<WorkerMessage> {
  try {
    const made = await (await trainer).train(unpackState<LocalTask>(readCheckpoint(task)));
    writeCheckpoint(outcome, packState(made));
    return { type: "done" };
  } catch (error) {
    if (stop.aborted && error === stop.reason) return { type: "stopped" };
    const isExpected = error instanceof StageError || !(error instanceof Error);
    return {
      type: "failed",
      message: isExpected ? messageOf(error) : error.stack ?? error.message,
    };
  }
}

async function openTrainer(
  { variant, engineModule, settings, engine, sources, seeds, checkpointFolder }: WorkerSetup,
  signal: AbortSignal,
): Promise<LocalTrainer> {
  const log = (level: "info" | "warn"): StageLog["info"] => (message, fields) =>
    send({ type: "log", level, message, fields });
  return new LocalTrainer({
    variant,
    settings,
    engine: (await import(engineModule)).engine,
    engineOptions: engine,
    sources: sources.map(({ name, train, validation, localVocabulary }) => ({
      name,
      train: openTokenShards(train),
      validation: openTokenShards(validation),
      localVocabulary: Int32Array.from(localVocabulary),
    })),
    seed: (name) => seeds[name],
    held: new HeldStates(heldFolder(checkpointFolder)),
    checkpointFolder,
    log: { info: log("info"), warn: log("warn"), progress() {} },
    signal,
  });
}

function send(message: WorkerMessage): void {
  writeAll(Deno.stdout, JSON.stringify(message) + "\n");
}

if (import.meta.main) await serve();
