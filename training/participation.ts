/**
 * Rounds in which not everybody took part who was drawn for it. Who did is then an input of the run, like its text: a file of these rounds
 * replays it, with the same bytes.
 */
import { basename } from "node:path";
import {
  canonicalJson,
  messageOf,
  readWholeFile,
  StageError,
  textOfFile,
  UsageError,
} from "../base/mod.ts";
import { isObject } from "./checkpoint.ts";

/** The name of the file: a row for each such round; all others had everybody. */
export const participantsFile = "participants.jsonl";

/** Of such a file: a million rounds. */
const mostBytes = 1 << 28;

/** Who took part in a round. */
export type RoundRecord = {
  /** Digests of the answers that are summed, by name. */
  readonly accepted: Readonly<Record<string, string>>;
  /** Why others are not, by name. */
  readonly leftOut: Readonly<Record<string, string>>;
};

/** A round that was not everybody's. */
export type Participation = RoundRecord & {
  readonly round: number;
  /** Who was drawn for it. */
  readonly sampled: readonly string[];
  /** Why sources have no score of what the round ended with, by name: it cannot be the best round then. */
  readonly unscored: Readonly<Record<string, string>>;
};

/** By round. */
export type Participations = ReadonlyMap<number, Participation>;

/** Reads a file of such rounds. @throws UsageError for what is none */
export function readParticipations(path: string): Participations {
  const name = basename(path);
  const rounds = new Map<number, Participation>();
  for (const [i, line] of textOf(path, name).split("\n").entries()) {
    if (line === "") continue;
    const row = participationOf(line);
    if (row === undefined || rounds.has(row.round)) {
      throw new UsageError(
        `Cannot read participants in "${name}", line ${
          i + 1
        }: expected a round of its own, and who of it was sampled, accepted, ` +
          `leftOut and unscored, as ${participantsFile} of the metrics of a run has them`,
      );
    }
    rounds.set(row.round, row);
  }
  return rounds;
}

function textOf(path: string, name: string): string {
  try {
    return textOfFile(readWholeFile(path, mostBytes));
  } catch (cause) {
    throw new UsageError(
      `Cannot read participants in "${name}": expected a file of rounds, found ${messageOf(cause)}`,
      { cause },
    );
  }
}

function participationOf(line: string): Participation | undefined {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(row)) return undefined;
  const { round, sampled, accepted, leftOut, unscored } = row;
  const isTexts = (value: unknown): value is Record<string, string> =>
    isObject(value) && Object.values(value).every((text) => typeof text === "string");
  if (!Number.isSafeInteger(round) || !Array.isArray(sampled)) return undefined;
  if (!isTexts(accepted) || !isTexts(leftOut) || !isTexts(unscored)) return undefined;
  const absent = Object.keys(leftOut);
  const isSaid = absent.length + Object.keys(unscored).length > 0;
  const isPart = absent.length < sampled.length && absent.every((name) => sampled.includes(name));
  return isSaid && isPart
    ? { round: Number(round), sampled, accepted, leftOut, unscored }
    : undefined;
}

/** @throws StageError for rounds that are not those of this run */
export function checkParticipations(
  replayed: Participations,
  rounds: number,
  sampled: (round: number) => readonly string[],
): void {
  for (const { round, sampled: named } of replayed.values()) {
    const drawn = round >= 1 && round <= rounds ? sampled(round) : [];
    if (canonicalJson(drawn) === canonicalJson(named)) continue;
    throw new StageError(
      `Cannot replay round ${round}: expected ${
        named.join(", ")
      } in it, as the file of participants says, found ${
        drawn.join(", ") || `a run of ${rounds} rounds`
      }; is the file of a run with another recipe or seed?`,
    );
  }
}
