/**
 * The process that trains participants for a leader elsewhere: reads a `SiloSetup` from its first line of input, and answers one task
 * after the other. Ends when its input does.
 */
import { leaveSignals, messageOf, reportFileLimit, writeAll } from "../base/mod.ts";
import { openTokenShards } from "../datasets/mod.ts";
import { openSilo, type TakenTask } from "../exchange/mod.ts";
import type { StageLog } from "../pipeline/stage.ts";
import { HeldStates, LocalTrainer } from "../training/mod.ts";
import { type SiloSetup, stopLine } from "./silo_setup.ts";
import { isRefusal, SiloTasks, type TaskProgress } from "./silo_tasks.ts";

/** A line of its output. */
export type SiloMessage =
  | { readonly type: "answered"; readonly source: string; readonly round: number }
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
  let work: Promise<void> | undefined;
  let text = "";
  for await (const part of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (text + part).split("\n");
    text = lines.pop()!;
    for (const line of lines) {
      if (line === stopLine) stop.abort(new Error("stopped"));
      else {
        work ??= answerTasks(JSON.parse(line), stop.signal)
          .then(() => Deno.exit(0), (error) => {
            console.error(error);
            Deno.exit(1);
          });
      }
    }
  }
  Deno.exit(0); // the process that asked has ended
}

/** Answers tasks until it is stopped. */
async function answerTasks(setup: SiloSetup, signal: AbortSignal): Promise<void> {
  const { exchange: { url, ...keys }, participants, checkpointFolder } = setup;
  const current: { task?: TakenTask } = {};
  const trainer = await openTrainer(
    setup,
    signal,
    (progress) => current.task?.note({ ...progress }),
  );
  const tasks = new SiloTasks(trainer, `${checkpointFolder}/.silo-${keys.worker}`);
  const warn = (message: string) => log("warn")(message);
  await using exchange = await openSilo(url, { ...keys, onRefused: warn, onTrouble: warn });
  for (;;) {
    const task = await exchange.take(participants, signal);
    if (task === undefined) return;
    current.task = task;
    try {
      await tasks.answer(task);
      const { source, round } = task.head;
      send({ type: "answered", source, round });
    } catch (error) {
      if (signal.aborted) return await task.release();
      if (!isRefusal(error)) throw error;
      await task.decline({ reason: messageOf(error) });
    }
  }
}

async function openTrainer(
  { variant, engineModule, settings, engine, sources, seeds, ...folders }: SiloSetup,
  signal: AbortSignal,
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
    log: {
      info: log("info"),
      warn: log("warn"),
      progress: ({ done, lossNats }) => note({ steps: done, lossNats: lossNats ?? null }),
    },
    signal,
  });
}

function log(level: "info" | "warn"): StageLog["info"] {
  return (message, fields) => send({ type: "log", level, message, fields });
}

function send(message: SiloMessage): void {
  writeAll(Deno.stdout, JSON.stringify(message) + "\n");
}

if (import.meta.main) await serve();
