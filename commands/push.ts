/**
 * `push`: copies results into another store or an archive.
 */
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { formatBytes, UsageError, writeAll } from "../base/mod.ts";
import { publishByRename } from "../pipeline/durable.ts";
import type { Manifest } from "../pipeline/manifest.ts";
import { Store } from "../pipeline/store.ts";
import { storageError } from "../pipeline/storage_errors.ts";
import { writeTar } from "../pipeline/tar.ts";
import { entriesOf, receive } from "../pipeline/transfer.ts";
import { exclusiveStore } from "./busy.ts";
import { openSession, type Session } from "./session.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { print, printError } from "./screen.ts";

export const command: PipelineCommand = {
  declare: addPlanOptions,
  act: push,
};

/** @param to A folder, or a file that ends in `.tar` or `.tar.zst`. */
async function push(
  loadProject: () => Promise<Project>,
  to: string,
  targets: readonly string[],
  options: PlanOptions,
): Promise<number> {
  if (/^https?:/.test(to)) {
    throw new UsageError(
      `Cannot push to "${to}": expected a folder or a file; push to FILE.tar.zst and upload that`,
    );
  }
  const session = await openSession(await loadProject(), options, { create: false });
  const manifests = await freshResults(session, targets);
  const entries = entriesOf(session.store, session.objects, manifests);
  const count = `${manifests.length} result${manifests.length === 1 ? "" : "s"}`;
  if (/\.tar(\.zst)?$/.test(to)) {
    const bytes = await writeArchive(to, entries);
    print(`Pushed ${count} to ${to} (${formatBytes(bytes)}); take them with: pull ${to}`);
    return 0;
  }
  const target = Store.open(resolve(to), { create: true });
  using lock = await exclusiveStore(target, "push", { store: to, wait: true });
  if (lock === undefined) return 1;
  const { results, present, bytes } = await receive(target, entries);
  print(
    `Pushed ${results} results to ${to}, ${formatBytes(bytes)} (${present} were there already)`,
  );
  return 0;
}

/**
 * The fresh results of targets and of everything that they need, in the order of the plan.
 * @throws UsageError if there are none
 */
async function freshResults(
  session: Session,
  targets: readonly string[],
): Promise<Manifest[]> {
  const states = await session.states(session.select(targets));
  const fresh = [...states.values()]
    .flatMap((state) => state.status === "fresh" ? [state.manifest] : []);
  if (fresh.length === 0) {
    const named = targets.join(" ") || "all";
    throw new UsageError(`Cannot push ${named}: expected results, found none; run them first`);
  }
  const missing = states.size - fresh.length;
  if (missing > 0) printError(`Leaving out ${missing} that would have to run first`);
  return fresh;
}

/** Writes to a temporary name; the file gets its own name when it is complete. Returns its size. */
async function writeArchive(to: string, entries: ReturnType<typeof entriesOf>): Promise<number> {
  const partial = `${to}.partial`;
  try {
    const tar = writeTar(entries);
    const parts = to.endsWith(".zst") ? await zstd("compress", tar) : tar;
    using file = await Deno.open(partial, { write: true, create: true, truncate: true });
    let bytes = 0;
    for await (const part of parts) {
      writeAll(file, part);
      bytes += part.length;
    }
    await file.sync();
    publishByRename(partial, resolve(to));
    return bytes;
  } catch (error) {
    await Deno.remove(partial).catch(() => {});
    throw storageError(error, `write "${to}"`, resolve(to));
  }
}

/** Compresses bytes with Zstandard, or decompresses them. */
export async function zstd(
  direction: "compress" | "decompress",
  bytes: AsyncIterable<Uint8Array>,
): Promise<AsyncIterable<Uint8Array>> {
  const { createZstdCompress, createZstdDecompress } = await import("node:zlib");
  const coder = direction === "compress" ? createZstdCompress() : createZstdDecompress();
  return Readable.from(bytes).compose(coder);
}
