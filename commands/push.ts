/**
 * `push`: copies results into another store, an archive or a bucket of S3.
 */
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { formatBytes, UsageError, writeAll } from "../base/mod.ts";
import type { Manifest } from "../pipeline/manifest.ts";
import { Store } from "../pipeline/store.ts";
import { storageError } from "../pipeline/storage_errors.ts";
import { writeTar } from "../pipeline/tar.ts";
import { entriesOf, receive } from "../pipeline/transfer.ts";
import { exclusiveStore } from "./busy.ts";
import { openOutput } from "./file_output.ts";
import { openSession, type Session } from "./session.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import type { PipelineCommand, Project } from "./project.ts";
import { openBucket, putResults } from "./s3_results.ts";
import { print, printError } from "./screen.ts";

interface PushOptions extends PlanOptions {
  readonly only?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(command)
      .option("--only", "what targets name, without what they need: no data, no models")
      .addHelpText("after", examples),
  act: push,
};

/** @param to A folder, a file that ends in `.tar` or `.tar.zst`, or `s3://bucket/prefix`. Returns 1 if what a target names is not there. */
async function push(
  loadProject: () => Promise<Project>,
  to: string,
  targets: readonly string[],
  options: PushOptions,
): Promise<number> {
  checkDestination(to);
  const session = await openSession(await loadProject(), options, { create: false });
  const { manifests, isWhole } = await freshResults(session, targets, options.only ?? false);
  const { store, objects } = session;
  if (isBucket(to)) {
    await using place = await openBucket(to);
    const { bytes, present } = await putResults(place, store, objects, manifests);
    print(
      `Pushed ${manifests.length - present} results to ${to}, ${formatBytes(bytes)} ` +
        `(${present} were there already); take them with: pull ${to}`,
    );
    return isWhole ? 0 : 1;
  }
  const entries = entriesOf(store, objects, manifests);
  const count = `${manifests.length} result${manifests.length === 1 ? "" : "s"}`;
  if (/\.tar(\.zst)?$/.test(to)) {
    const bytes = await writeArchive(to, entries);
    print(`Pushed ${count} to ${to} (${formatBytes(bytes)}); take them with: pull ${to}`);
    return isWhole ? 0 : 1;
  }
  const target = Store.open(resolve(to), { create: true });
  using lock = await exclusiveStore(target, "push", { store: to, wait: true });
  if (lock === undefined) return 1;
  const { results, present, bytes } = await receive(target, entries).catch((error) => {
    throw storageError(error, "keep what is pushed", target.folder);
  });
  print(
    `Pushed ${results} results to ${to}, ${formatBytes(bytes)} (${present} were there already)`,
  );
  return isWhole ? 0 : 1;
}

/** Whether a place is a bucket of S3. */
export function isBucket(place: string): boolean {
  return place.startsWith("s3://");
}

/** @throws UsageError for a place on another machine, and for a file of another kind */
function checkDestination(to: string): void {
  if (isBucket(to)) return;
  // As scp and rsync read it: a colon before the first slash ends the name of a machine. A drive of Windows has one letter.
  if (/^[^/\\]{2,}:/.test(to)) {
    throw new UsageError(
      `Cannot push to "${to}": expected a folder, a file or s3://; push to FILE.tar.zst and upload that`,
    );
  }
  const [ending] = /\.(tar\.\w+|t[gbx]z2?|zip|7z|rar|gz|bz2|xz|zst|json)$/i.exec(to) ?? [];
  if (ending === undefined || to.endsWith(".tar.zst")) return;
  throw new UsageError(
    `Cannot push to "${to}": expected a folder, or a file that ends in .tar or .tar.zst, found ${ending}`,
  );
}

/**
 * The fresh results of targets and, unless only these are asked for, of everything that they need, in the order of the plan; whether all that targets name is
 * among them. Without targets, what is there is all.
 * @throws UsageError if there are none
 */
async function freshResults(
  session: Session,
  targets: readonly string[],
  only: boolean,
): Promise<{ readonly manifests: Manifest[]; readonly isWhole: boolean }> {
  const named = session.select(targets);
  const all = await session.states(named);
  const states = only ? new Map(named.map((id) => [id, all.get(id)!])) : all;
  const fresh = [...states.values()]
    .flatMap((state) => state.status === "fresh" ? [state.manifest] : []);
  if (fresh.length === 0) {
    const named = targets.join(" ") || "all";
    throw new UsageError(`Cannot push ${named}: expected results, found none; run them first`);
  }
  const missing = states.size - fresh.length;
  if (missing > 0) printError(`Leaving out ${missing} that would have to run first`);
  const isWhole = targets.length === 0 || named.every((id) => states.get(id)!.status === "fresh");
  return { manifests: fresh, isWhole };
}

/** Writes an archive that gets its name when it is complete. Returns its size. */
async function writeArchive(to: string, entries: ReturnType<typeof entriesOf>): Promise<number> {
  using output = openOutput(to);
  const tar = writeTar(entries);
  let bytes = 0;
  for await (const part of to.endsWith(".zst") ? await zstd("compress", tar) : tar) {
    writeAll(output, part);
    bytes += part.length;
  }
  output.finish();
  return bytes;
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

const examples = `
Examples:
  deno task pipeline push results.tar.zst                  all that is there, to go on with elsewhere
  deno task pipeline push s3://bucket/results              what is not there yet; keys as other programs have them: AWS_ACCESS_KEY_ID, …
  deno task pipeline push tables.tar.zst --only 'table/*'  tables to show: pull, then table --kept, prints them`;
