/**
 * A run whose sources are with silos: what they and its leader say to each other besides training.
 *
 *     round 0                 the leader asks each silo to join; it answers with what it declares of its source. The leader closes the
 *                             round with the settings of the run
 *     rounds 1 … R            tasks `train`; `score` for the parameters that the next round begins with
 *     round R + 2             `finish`: the model, for each silo
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { canonicalJson, sha256, sha256OfFile, StageError } from "../base/mod.ts";
import type { JsonRecord, ObjectRef, TaskHead } from "../exchange/mod.ts";
import {
  cutVocabulary,
  type DeclaredSource,
  type PretrainSettings,
  sourceVocabulary,
  type TrainingSource,
  type Variant,
} from "../training/mod.ts";
import type { EngineParams } from "./recipe.ts";

/** Asks a silo to join. */
export interface JoinHead extends TaskHead {
  readonly kind: "join";
  readonly round: 0;
}

export function joinHead(run: string, source: string): JoinHead {
  return { kind: "join", run, round: 0, source };
}

/** What a silo says of its source. */
export type Declaration = {
  /** Of its training text. */
  readonly tokens: number;
  readonly vocabSize: number;
  /** Pieces that it trains with: |V_k| where they are cut. */
  readonly size: number;
  /** Digest of its tokens, of both splits. */
  readonly text: string;
  /** V_k, ascending; null where the leader need not know it. */
  readonly rows: readonly number[] | null;
};

/** A declaration as it crosses: rows are a file of JSON. */
export interface DeclarationAnswer extends JsonRecord {
  readonly declared: Omit<Declaration, "rows">;
  readonly rows: ObjectRef | null;
}

/** Whether the leader must know which rows a source has: those of a shared table that it sends. */
export function tellsRows({ cutsVocabulary, sharesEmbeddings }: Variant): boolean {
  return cutsVocabulary && sharesEmbeddings;
}

/** What a silo declares of a source. @param folders Of its token shards. */
export function declarationOf(
  variant: Variant,
  { train, localVocabulary }: TrainingSource,
  folders: readonly string[],
): Declaration {
  const { tokens, vocabSize } = train;
  const { size, rows } = sourceVocabulary(variant, { vocabSize, localVocabulary });
  return {
    tokens,
    vocabSize,
    size,
    text: sha256(canonicalJson(folders.map(digestsIn))),
    rows: tellsRows(variant) ? [...rows!] : null,
  };
}

/** Digests of a folder's files, by name. */
function digestsIn(folder: string): Record<string, string> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return Object.fromEntries(names.map((name) => [name, sha256OfFile(join(folder, name))]));
}

/** Where the leader keeps declarations. */
export function declarationPath(folder: string, source: string): string {
  return join(folder, "declarations", `${source}.json`);
}

export function readDeclaration(path: string): Declaration {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** A source as training knows it by a declaration. */
export function declaredSource(
  name: string,
  { tokens, vocabSize, size, rows }: Declaration,
): DeclaredSource {
  const vocabulary = rows === null ? { size } : cutVocabulary(Int32Array.from(rows), vocabSize);
  return { name, train: { tokens, vocabSize }, vocabulary };
}

/**
 * Checks a declaration that another party made.
 * @throws StageError saying what is wrong with it
 */
export function checkDeclaration(
  source: string,
  { tokens, vocabSize, size, text, rows }: Declaration,
  { variant, settings }: {
    readonly variant: Variant;
    readonly settings: Pick<PretrainSettings, "model" | "continuationShare">;
  },
): void {
  const isCount = (n: unknown) => Number.isSafeInteger(n) && (n as number) > 0;
  const refuse = (expected: string, found: unknown): never => {
    throw new StageError(
      `Cannot accept what silo "${source}" declares: expected ${expected}, found ${found}`,
    );
  };
  for (const [name, n] of Object.entries({ tokens, vocabSize, size })) {
    if (!isCount(n)) refuse(`a count of ${name}`, JSON.stringify(n));
  }
  if (size > vocabSize) refuse(`at most ${vocabSize} rows, those of its vocabulary`, size);
  if (!/^[0-9a-f]{64}$/.test(text)) refuse("a digest of its text", JSON.stringify(text));
  const least = settings.model.seqLen * (settings.continuationShare > 0 ? 2 : 1);
  if (tokens < least) refuse(`at least ${least} tokens`, tokens);
  if (tellsRows(variant) !== Array.isArray(rows)) {
    refuse(
      tellsRows(variant) ? "the rows that it has" : "no rows",
      rows === null ? "none" : "some",
    );
  }
  if (rows === null) return;
  if (rows.length !== size || !rows.every(Number.isSafeInteger)) {
    refuse(`${size} rows, whole numbers`, `${rows.length}`);
  }
  try {
    cutVocabulary(Int32Array.from(rows), vocabSize);
  } catch (error) {
    refuse("rows of its vocabulary", (error as Error).message);
  }
}

/** Checks that silos whose tables are averaged have one vocabulary. @throws StageError naming two that have not */
export function checkTogether(
  { vocabulary }: Variant,
  declarations: ReadonlyMap<string, Declaration>,
): void {
  if (vocabulary === "own") return;
  const [[first, { vocabSize }], ...others] = declarations;
  for (const [name, other] of others) {
    if (other.vocabSize === vocabSize) continue;
    throw new StageError(
      `Cannot train ${first} and ${name} together: expected one vocabulary, found ${vocabSize} and ${other.vocabSize} pieces`,
    );
  }
}

/** With what the leader closes round 0: all that silos train by. */
export interface RunRecord extends JsonRecord {
  /** The action key of the leader's result: its code and settings, and what silos have declared. */
  readonly key: string;
  readonly variant: string;
  readonly settings: PretrainSettings;
  readonly engine: EngineParams;
  /** The rounds that each source takes part in. */
  readonly turns: Readonly<Record<string, readonly number[]>>;
  /** Digests of the sources' tokens, as they were declared. */
  readonly texts: Readonly<Record<string, string>>;
}

/** @throws StageError where a run goes by another record already */
export function checkStanding(standing: JsonRecord, record: RunRecord): void {
  if (isDeepStrictEqual(JSON.parse(canonicalJson(standing)), JSON.parse(canonicalJson(record)))) {
    return;
  }
  throw new StageError(
    "Cannot go on with this run: expected the code, settings and declarations that it began with, found others; " +
      "go back to them, or begin another run in a new folder",
  );
}

/** A model of the run, as a silo is given it. */
type FinishedRef = {
  readonly round: number;
  readonly shared: ObjectRef;
  /** Digest of what the silo held then; null where it had taken part in no round. */
  readonly held: string | null;
};

/** Tells a silo that the run is over. */
export interface FinishHead extends TaskHead {
  readonly kind: "finish";
  readonly last: FinishedRef;
  readonly best: FinishedRef;
  /** What the silo holds at the end: its text goes on there. */
  readonly held: string | null;
}

/** The keys of a party, in a file that only its user can read. */
export interface PartyKeys {
  readonly privateKey: string;
  /** The public keys of the others: of silos by source, for the leader; `leader`, for a silo. */
  readonly others: Readonly<Record<string, string>>;
}

export function keysPath(folder: string): string {
  return join(folder, "keys.json");
}

export function readKeys(folder: string): PartyKeys {
  return JSON.parse(readFileSync(keysPath(folder), "utf8"));
}
