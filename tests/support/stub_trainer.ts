/**
 * What stands for local training where thousands of silos are simulated: it takes the time of its steps, and makes of a task what has the
 * right tensors, rows and digests, without training. What it makes is a function of the task. All before the first step and after
 * the last one is the code of training: what a participant begins with, holds and sends.
 */
import { Random, seedOf } from "../../base/mod.ts";
import { engine } from "../../engine/reference/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import {
  emptyRecord,
  type LocalOutcome,
  type LocalTask,
  type NamedTensor,
  PhaseClock,
  type Tensors,
} from "../../training/mod.ts";
import { beginningOf, madeOutcome } from "../../training/local_state.ts";
import type { ScoreTask, Trainer } from "../../training/local_work.ts";
import { openPrograms } from "../../training/programs.ts";
import type { ValidationLoss } from "../../training/validation.ts";

interface StubOptions
  extends Pick<Trainer, "variant" | "settings" | "participants" | "seed" | "held"> {
  readonly stepMs: number;
  /** Time between two reports of progress. */
  readonly noteEveryMs: number;
  readonly onSteps: (steps: number) => void;
}

export class StubTrainer {
  readonly #options: StubOptions;

  constructor(options: StubOptions) {
    this.#options = options;
  }

  async train(task: LocalTask, lost?: AbortSignal): Promise<LocalOutcome> {
    const { settings: { localSteps }, participants, seed } = this.#options;
    await this.#takeSteps(lost);
    const trainer = this.#trainer();
    const beginning = beginningOf(trainer, task);
    const windows = participants.windowsOf(task.name, seed);
    windows.seek(beginning.position ?? windows.position);
    const record = emptyRecord((task.round - 1) * localSteps, windows.position);
    record.step += localSteps;
    windows.next();
    record.position = windows.position;
    const random = new Random(seedOf(task.round, task.name));
    const lossNats = lossOf(task.round);
    const result = moved(beginning.parameters, 1e-3 * random.float64());
    const optimizer = { step: localSteps, moments: momentsOf(result) };
    const made = { result, optimizer };
    const outcome = madeOutcome(trainer, task, beginning, record, windows, made);
    return { ...outcome, aloneLossNats: lossNats };
  }

  score({ round }: ScoreTask): Promise<ValidationLoss> {
    return Promise.resolve({ lossNats: lossOf(round), tokens: 1024, unknownShare: 0 });
  }

  forget(): void {}

  async #takeSteps(lost: AbortSignal | undefined): Promise<void> {
    const { settings: { localSteps }, stepMs, noteEveryMs, onSteps } = this.#options;
    const between = Math.max(1, Math.round(noteEveryMs / stepMs));
    for (let steps = 0; steps < localSteps; steps += between) {
      lost?.throwIfAborted();
      onSteps(steps);
      const ms = Math.min(between, localSteps - steps) * stepMs;
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
    onSteps(localSteps);
  }

  #trainer(): Trainer {
    const engineOptions = { threads: 1, precision: "fp32" } as const;
    return {
      ...this.#options,
      programs: openPrograms({ ...this.#options, engine, engineOptions }), // none is ever asked for
      clock: new PhaseClock(),
      log: silentLog,
      signal: new AbortController().signal,
    };
  }
}

function lossOf(round: number): number {
  return 10 / (1 + round);
}

function moved(tensors: Tensors, by: number): Tensors {
  const move = ({ shape, data }: NamedTensor) => ({ shape, data: data.map((x) => x + by) });
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, move(tensor)]));
}

function momentsOf(tensors: Tensors): Tensors {
  const zeros = ({ shape, data }: NamedTensor) => ({ shape, data: new Float32Array(data.length) });
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      ["m", "v"].map((moment) => [`${name}.${moment}`, zeros(tensor)])
    ),
  );
}
