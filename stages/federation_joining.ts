/**
 * The beginning of a run whose sources are with silos: the leader asks each to join, and keeps what it declares.
 */
import { dirname, join } from "node:path";
import { existsSync, readFileSync } from "node:fs";
import { canonicalJson, StageError, writeFileAtomic } from "../base/mod.ts";
import type { LeaderExchange } from "../exchange/mod.ts";
import type { PretrainSettings, Variant } from "../training/mod.ts";
import {
  checkDeclaration,
  checkTogether,
  type Declaration,
  type DeclarationAnswer,
  declarationPath,
  joinHead,
  readDeclaration,
} from "./federation.ts";

interface JoiningOptions {
  readonly exchange: LeaderExchange;
  readonly run: string;
  /** Where declarations are kept. */
  readonly folder: string;
  readonly sources: readonly string[];
  readonly variant: Variant;
  readonly settings: Pick<PretrainSettings, "model" | "continuationShare">;
  readonly signal: AbortSignal;
  /** Hears of each source that has joined. */
  onJoined(source: string, declared: Declaration): void;
}

/** Row numbers in JSON have at most so many bytes each. */
const mostRowBytes = 9;

/**
 * Waits until all silos have joined; a source whose declaration is kept is not asked again.
 * @throws StageError for what no source can declare. @throws signal.reason when aborted
 */
export async function waitForSilos(options: JoiningOptions): Promise<void> {
  const { exchange, run, folder, sources, variant, signal } = options;
  const declared = new Map<string, Declaration>();
  const keep = (source: string, declaration: Declaration) => {
    checkDeclaration(source, declaration, options);
    declared.set(source, declaration);
    options.onJoined(source, declaration);
  };
  const isThere = (source: string) => existsSync(declarationPath(folder, source));
  for (const source of sources.filter(isThere)) {
    keep(source, readDeclaration(declarationPath(folder, source)));
  }
  const missing = sources.filter((source) => !declared.has(source));
  const tasks = await Promise.all(missing.map((source) => exchange.offer(joinHead(run, source))));
  for await (const reply of exchange.replies(tasks, signal)) {
    const { source } = reply.task;
    if (reply.kind === "refused") {
      throw new StageError(
        `Cannot accept what silo "${source}" declares: ${reply.why}; begin another run in a new folder`,
      );
    }
    if (reply.kind !== "answer") continue;
    const declaration = await declarationFrom(options, source, reply.answer as DeclarationAnswer);
    keep(source, declaration);
    const path = declarationPath(folder, source);
    Deno.mkdirSync(dirname(path), { recursive: true });
    writeFileAtomic(path, canonicalJson(declaration) + "\n");
  }
  signal.throwIfAborted();
  checkTogether(variant, new Map([...declared].sort(([a], [b]) => a < b ? -1 : 1)));
}

async function declarationFrom(
  { exchange, folder }: JoiningOptions,
  source: string,
  { declared, rows }: DeclarationAnswer,
): Promise<Declaration> {
  if (typeof declared !== "object" || declared === null) {
    throw new StageError(
      `Cannot accept what silo "${source}" declares: expected sizes, found ${
        JSON.stringify(declared)
      }`,
    );
  }
  if (rows === null) return { ...declared, rows };
  const path = join(folder, `.rows-${source}.tmp`);
  try {
    await exchange.get(source, rows, path, 2 + mostRowBytes * Number(declared.size));
    return { ...declared, rows: JSON.parse(readFileSync(path, "utf8")) };
  } finally {
    if (existsSync(path)) Deno.removeSync(path);
  }
}
