/**
 * What a process does that trains participants for a leader elsewhere: one task after the other, until it is stopped.
 */
import { messageOf } from "../base/mod.ts";
import { openTokenShards } from "../datasets/mod.ts";
import type { TakenTask } from "../exchange/mod.ts";
import type { StageLog } from "../pipeline/stage.ts";
import { HeldStates, LocalTrainer } from "../training/mod.ts";
import { openSiloAt } from "./exchange_place.ts";
import type { SiloSetup } from "./silo_setup.ts";
import { isRefusal, SiloTasks, type TaskProgress } from "./silo_tasks.ts";

interface SiloWork {
  readonly log: Pick<StageLog, "info" | "warn">;
  /** After a checkpoint of the task under way, the work ends. */
  readonly signal: AbortSignal;
  /** Hears of each task that this process takes, and of the steps of it. */
  onTaken?(task: TakenTask["head"]): void;
  onProgress?(progress: TaskProgress): void;
  onAnswered?(task: TakenTask["head"]): void;
}

/** Answers tasks until it is stopped. */
export async function answerTasks(setup: SiloSetup, work: SiloWork): Promise<void> {
  const { exchange: place, participants, checkpointFolder } = setup;
  const { log, signal } = work;
  const current: { task?: TakenTask } = {};
  const trainer = await openTrainer(setup, work, (progress) => {
    current.task?.note({ ...progress });
    work.onProgress?.(progress);
  });
  const tasks = new SiloTasks(trainer, `${checkpointFolder}/.silo-${place.worker}`);
  const warn = (message: string) => log.warn(message);
  await using exchange = await openSiloAt(place, { ...place, onRefused: warn, onTrouble: warn });
  for (;;) {
    const task = await exchange.take(participants, signal);
    if (task === undefined) return;
    current.task = task;
    work.onTaken?.(task.head);
    try {
      await tasks.answer(task);
      work.onAnswered?.(task.head);
    } catch (error) {
      if (signal.aborted) return await task.release();
      if (await task.isLost()) {
        // Another has removed what both went on from, or nobody needs it.
        log.info(messageOf(task.lost.reason));
        continue;
      }
      if (!isRefusal(error)) throw error;
      log.warn(messageOf(error));
      // The time tells one try from the next.
      await task.decline({ reason: messageOf(error), at: new Date().toISOString() });
    }
  }
}

async function openTrainer(
  { variant, engineModule, settings, engine, sources, seeds, exchange, ...folders }: SiloSetup,
  { log, signal }: SiloWork,
  note: (progress: TaskProgress) => void,
): Promise<LocalTrainer> {
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
    held: new HeldStates(folders.heldFolder),
    checkpointFolder: folders.checkpointFolder,
    worker: exchange.worker,
    log: {
      info: (...message) => log.info(...message),
      warn: (...message) => log.warn(...message),
      progress: ({ done, lossNats }) => note({ steps: done, lossNats: lossNats ?? null }),
    },
    signal,
  });
}
