/**
 * A silo of a federation over any place for bytes by name: the code of a real one, which takes tasks and answers them. It trains on the
 * reference engine, slowed to a known time a step, or stands in for training.
 */
import { join } from "node:path";
import { type Engine, engineModule, type TrainingProgram } from "../../engine/mod.ts";
import type { TaskHead } from "../../exchange/mod.ts";
import type { NamedBytes } from "../../exchange/named_bytes.ts";
import { PersistentBytes } from "../../exchange/persistent.ts";
import { Silo } from "../../exchange/silo.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { SiloTasks, type TaskProgress } from "../../stages/silo_tasks.ts";
import { heldFolder, HeldStates, LocalTrainer, Participants } from "../../training/mod.ts";
import { type Federation, openSources, seedIn, trainingVariant } from "./federation.ts";
import { StubTrainer } from "./stub_trainer.ts";

export interface SiloWork {
  readonly federation: Federation;
  /** Its number. */
  readonly at: number;
  readonly training: "reference" | "stub";
  readonly stepMs: number;
}

interface Watch {
  /** No other task is taken then; what is in hand is answered. */
  readonly signal: AbortSignal;
  readonly onReady?: () => void;
  readonly onTaken?: (task: TaskHead) => void;
  readonly onAnswered?: (task: TaskHead) => void;
}

/** Answers tasks until `signal` fires. */
export async function workAsSilo(work: SiloWork, place: NamedBytes, watch: Watch): Promise<void> {
  const { federation, at } = work;
  const { run, leader, silo } = federation.keys;
  using sources = openSources(federation, (source) => source === at);
  const [{ name }] = sources.all;
  await using exchange = new Silo(new PersistentBytes(place, () => {}), {
    run,
    privateKey: silo.privateKey,
    leaderKey: leader.publicKey,
    worker: name,
  });
  const hears: { note?: (progress: TaskProgress) => void } = {};
  const pollMs = place.pollMs.most;
  const trainer = await trainerOf(work, sources.all, pollMs, (progress) => hears.note?.(progress));
  const tasks = new SiloTasks(trainer, join(federation.folder, "silos", name, "tasks"));
  watch.onReady?.();
  for (;;) {
    const task = await exchange.take([name], watch.signal);
    if (task === undefined) return;
    hears.note = (progress) => task.note({ ...progress });
    watch.onTaken?.(task.head);
    try {
      await tasks.answer(task);
      watch.onAnswered?.(task.head);
    } catch (error) {
      if (!await task.isLost()) throw error;
    }
  }
}

async function trainerOf(
  { federation, training, stepMs }: SiloWork,
  sources: ReturnType<typeof openSources>["all"],
  noteEveryMs: number,
  note: (progress: TaskProgress) => void,
) {
  const variant = trainingVariant(federation);
  const { settings } = federation;
  const siloFolder = join(federation.folder, "silos", sources[0].name);
  const held = new HeldStates(heldFolder(siloFolder));
  const basis = { variant, settings, sources, seed: seedIn(federation), held };
  if (training === "stub") {
    return new StubTrainer({
      ...basis,
      participants: new Participants(basis),
      stepMs,
      noteEveryMs,
      onSteps: (steps) => note({ steps, lossNats: null }),
    });
  }
  const { engine }: { readonly engine: Engine } = await import(engineModule("reference"));
  return new LocalTrainer({
    ...basis,
    engine: slowed(engine, stepMs),
    engineOptions: { threads: 1, precision: "fp32" },
    judges: true,
    checkpointFolder: siloFolder,
    log: {
      ...silentLog,
      progress: ({ done, lossNats }) => note({ steps: done, lossNats: lossNats ?? null }),
    },
    signal: new AbortController().signal,
  });
}

/** An engine whose steps of training, of one micro-batch each, take so long. */
function slowed(engine: Engine, stepMs: number): Engine {
  return {
    ...engine,
    compile: (...asked) => engine.compile(...asked),
    compileTraining: async (...asked) =>
      slowedProgram(await engine.compileTraining(...asked), stepMs),
  };
}

function slowedProgram(program: TrainingProgram, stepMs: number): TrainingProgram {
  const accumulate: TrainingProgram["accumulate"] = async (feeds) => {
    const endMs = performance.now() + stepMs;
    const found = await program.accumulate(feeds);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, endMs - performance.now())));
    return found;
  };
  return new Proxy(program, {
    get(target, key) {
      if (key === "accumulate") return accumulate;
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
