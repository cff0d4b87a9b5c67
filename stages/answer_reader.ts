/**
 * An answer of an exchange as the outcome that it says, once it has been found to be one.
 */
import { canonicalJson, sha256, StageError } from "../base/mod.ts";
import {
  type JsonRecord,
  type LeaderExchange,
  type ObjectRef,
  RefusedError,
} from "../exchange/mod.ts";
import {
  checkFinite,
  checkNorm,
  checkResult,
  type LocalOutcome,
  type LocalTask,
  momentShapes,
  type RecentNorms,
  sharedNorm,
  type StoredTensors,
  type TensorFiles,
} from "../training/mod.ts";
import type { TrainAnswer } from "./silo_tasks.ts";

interface AnswerReaderOptions {
  readonly exchange: Pick<LeaderExchange, "get">;
  /** For files on their way. */
  readonly files: TensorFiles;
  /** Whether Adam's state comes with a result. */
  readonly averagesAdam: boolean;
  /** Whether a result comes with its loss, since nobody else has the text. */
  readonly needsLoss: boolean;
}

/** What an answer must go with. */
interface AskedTask {
  readonly task: LocalTask;
  /** Bytes of the shared parameters that were sent: a result has as many. */
  readonly bytes: number;
  /** Of the last rounds; without them the length of a change is not judged. */
  readonly norms?: RecentNorms;
}

/** Monitors note some numbers every so many steps. */
const mostRowsBytes = 1 << 28;

export class AnswerReader {
  readonly #options: AnswerReaderOptions;

  constructor(options: AnswerReaderOptions) {
    this.#options = options;
  }

  /** @throws StageError, RefusedError for what is no answer to this task. @throws another error where it cannot be had */
  async read({ task, bytes, norms }: AskedTask, said: JsonRecord): Promise<LocalOutcome> {
    const { row, exposure, held, diverged, noted, aloneLossNats } = checkedAnswer(said, task);
    const outcome = {
      row,
      exposure,
      held,
      answer: sha256(canonicalJson(said)),
      ...(noted && { noted: await this.#rows(task, noted) }),
      ...(aloneLossNats !== undefined && { aloneLossNats }),
    };
    if (diverged !== null) return { ...outcome, diverged };
    if (this.#options.needsLoss && aloneLossNats === undefined) {
      throw new StageError("expected the loss of what it has made, found none");
    }
    const made = await this.#made(task, bytes, said as TrainAnswer);
    if (norms === undefined) {
      checkFinite(made.shared);
      return { ...outcome, made };
    }
    const norm = sharedNorm(task.shared, made.shared);
    checkNorm(norm, norms);
    return { ...outcome, made, sharedNorm: norm };
  }

  async #made(task: LocalTask, bytes: number, { shared: ref, optimizer }: TrainAnswer) {
    const shared = await this.#tensors(task, ref, bytes);
    checkResult(task.shared, shared);
    if (!this.#options.averagesAdam) return { shared };
    const step = optimizer?.step;
    if (typeof step !== "number" || !Number.isSafeInteger(step) || step < 0) {
      throw new StageError(`expected Adam's state and its count of steps, found ${shown(step)}`);
    }
    // Names of moments are longer than those of parameters, and there are two of each.
    const moments = await this.#tensors(task, optimizer!.moments, 3 * bytes);
    checkResult(momentShapes(task.shared), moments);
    checkFinite(moments);
    return { shared, optimizer: { step, moments } };
  }

  async #tensors(
    { name }: LocalTask,
    ref: ObjectRef | null,
    most: number,
  ): Promise<StoredTensors> {
    const { exchange, files } = this.#options;
    const path = files.newPath();
    await exchange.get(name, ref!, path, most); // it checks what it is given
    return files.take(path);
  }

  async #rows({ name }: LocalTask, ref: ObjectRef): Promise<NonNullable<LocalOutcome["noted"]>> {
    const { exchange, files } = this.#options;
    const path = files.newPath();
    await exchange.get(name, ref, path, mostRowsBytes);
    const rows = jsonOf(Deno.readTextFileSync(path));
    if (Array.isArray(rows) && rows.every(isMonitorRow)) return rows;
    throw new StageError("expected rows of monitors, found others");
  }
}

/** Whether an error says that an answer is none, and not that it could not be had. */
export function isBadAnswer(error: unknown): error is Error {
  return error instanceof StageError || error instanceof RefusedError;
}

function checkedAnswer(said: JsonRecord, { name }: LocalTask): TrainAnswer {
  const { row, exposure, held, diverged, aloneLossNats } = said;
  const expect = (what: string, isSo: boolean, found: unknown) => {
    if (!isSo) throw new StageError(`expected ${what}, found ${shown(found)}`);
  };
  expect("a row of metrics", isRecord(row), row);
  const isExposure = (one: unknown) =>
    isRecord(one) && typeof one.source === "string" && isCount(one.windows) &&
    isCount(one.epochWindows);
  expect("what was read", Array.isArray(exposure) && exposure.every(isExposure), exposure);
  expect(
    "the digest of what is held",
    typeof held === "string" && /^[0-9a-f]{64}$/.test(held),
    held,
  );
  expect(
    `why ${name} diverged, or null`,
    diverged === null || typeof diverged === "string",
    diverged,
  );
  const isLoss = aloneLossNats === undefined || Number.isFinite(aloneLossNats);
  expect("a finite loss", isLoss, aloneLossNats);
  return said as TrainAnswer;
}

/** What a row must have that others look into. */
function isMonitorRow(row: unknown): boolean {
  if (!isRecord(row)) return false;
  const { step, lossNats, learningRate, gradientNorm, activations, layers } = row;
  const isNamed = ["kind", "round", "source"].some((name) => Object.hasOwn(row, name));
  return !isNamed && [step, lossNats, learningRate, gradientNorm].every(Number.isFinite) &&
    [activations, layers].every((group) => isRecord(group) && Object.values(group).every(isRecord));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** A value of others, in few words. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "none";
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
