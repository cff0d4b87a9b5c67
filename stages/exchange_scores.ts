/**
 * Scores of shared parameters by silos, which have the text: tasks of an exchange, and their answers.
 */
import { type Log, messageOf, StageError } from "../base/mod.ts";
import type { JsonRecord, LeaderExchange, ObjectRef, TaskHead, TaskName } from "../exchange/mod.ts";
import { type Quorum, RoundDeadline } from "./round_deadline.ts";
import { shortened } from "./words_of_others.ts";
import { type Score, TensorFiles, type ValidationLoss } from "../training/mod.ts";

/** Asks how well shared parameters predict the validation text of a source. */
export interface ScoreHead extends TaskHead {
  readonly kind: "score";
  readonly shared: ObjectRef;
  /** Digest of what the source holds, its own tables; null where it has trained none. */
  readonly held: string | null;
}

export type ScoreAnswer = JsonRecord & ValidationLoss;

interface ScoresOptions {
  readonly exchange: LeaderExchange;
  readonly run: string;
  /** Whether all sources are judged by the same shared parameters. */
  readonly sendsAlike: boolean;
  /** For files on their way. */
  readonly folder: string;
  /** Goes on without those who are silent; default: waits for all. */
  readonly quorum?: Quorum;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** What has silos score. A source whose score is refused has none. */
export function scoresBySilos(
  { exchange, run, sendsAlike, folder, quorum, log, signal }: ScoresOptions,
): Score {
  const files = new TensorFiles(folder);
  return async (tasks) => {
    files.keepOnly(new Set());
    const names: TaskName[] = [];
    let shared: ObjectRef | undefined;
    for (const [source, make] of tasks) {
      signal.throwIfAborted();
      const task = make();
      const { round, held } = task;
      if (shared === undefined || !sendsAlike) {
        const to = sendsAlike ? "shared" : { down: source };
        shared = await exchange.put(to, round, files.put(task.shared).path);
      }
      const head: ScoreHead = { kind: "score", run, round, source, shared, held };
      names.push(await exchange.offer(head));
    }
    const came = new Map<string, ValidationLoss>();
    const unscored = new Map<string, string>();
    const miss = (source: string, why: unknown) => {
      unscored.set(source, shortened(why));
      log.warn(`${source} has no score`, { reason: shortened(why) });
    };
    using deadline = new RoundDeadline(quorum, names.length, 0);
    const until = AbortSignal.any([signal, deadline.signal]);
    for await (const reply of exchange.replies(names, until)) {
      const { source } = reply.task;
      switch (reply.kind) {
        case "answer":
          try {
            came.set(source, lossOf(reply.answer));
            deadline.accept();
          } catch (error) {
            miss(source, messageOf(error));
          }
          break;
        case "refused":
          miss(source, reply.why);
          break;
        case "declined":
          log.warn(`${source} cannot score now: ${shortened(reply.why.reason)}`);
          break;
        case "working":
          break;
        default:
          reply satisfies never;
      }
    }
    signal.throwIfAborted();
    for (const name of names.filter(({ source }) => !came.has(source) && !unscored.has(source))) {
      await exchange.withdraw(name);
      miss(name.source, `silent for ${quorum!.afterSeconds} s`);
    }
    return { losses: sorted(came), unscored: sorted(unscored) };
  };
}

function sorted<T>(values: ReadonlyMap<string, T>): Readonly<Record<string, T>> {
  return Object.fromEntries([...values].sort(([a], [b]) => a < b ? -1 : 1));
}

/** The loss of an answer. @throws StageError for what is none */
function lossOf(answer: JsonRecord): ValidationLoss {
  const { lossNats, tokens, unknownShare } = answer as Partial<ScoreAnswer>;
  if (
    Number.isFinite(lossNats) && Number.isSafeInteger(tokens) && tokens! > 0 &&
    Number.isFinite(unknownShare) && unknownShare! >= 0 && unknownShare! <= 1
  ) return { lossNats: lossNats!, tokens: tokens!, unknownShare: unknownShare! };
  throw new StageError(
    `expected a finite loss, a count of tokens and a share, found ${JSON.stringify(answer)}`,
  );
}
