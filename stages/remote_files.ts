/**
 * The files that a stage fetches, with progress and warnings in its log.
 */
import { RemoteStore } from "../datasets/hub/mod.ts";
import type { StageContext } from "../pipeline/stage.ts";
import type { Recipe } from "./recipe.ts";

export interface RemoteHints {
  /** Base URL of the hub; null is the public one. */
  readonly hub: string | null;
  /** Most bytes of a file; null: the limits of `datasets/http/`. */
  readonly maxDownloadBytes: number | null;
}

export function remoteHints({ documents }: Recipe): RemoteHints {
  return { hub: documents.hub, maxDownloadBytes: documents.maxDownloadBytes };
}

interface RemoteFile {
  /** Base name. */
  readonly name: string;
  readonly url: string;
  /** The file's path in the cache, and its digest. */
  fetch(): ReturnType<RemoteStore["fetch"]>;
}

/** The files that a URL or an `hf://` pattern names, in order. @throws StageError when there is none. */
export async function listRemote(
  { hints, log, signal }: Pick<StageContext<object, RemoteHints>, "hints" | "log" | "signal">,
  pattern: string,
): Promise<RemoteFile[]> {
  const onStale = (reason: string) => log.warn(`${reason}; the copy in the cache is taken`);
  const store = new RemoteStore({
    hub: hints.hub,
    maxDownloadBytes: hints.maxDownloadBytes ?? undefined,
    signal,
    onRetry: (reason, delayMs) => log.warn(`${reason}; again in ${Math.ceil(delayMs / 1000)} s`),
  });
  return (await store.list(pattern, onStale)).map((entry) => {
    const onProgress = (done: number, total = 0) =>
      log.progress({ done, total, unit: "bytes", note: entry.name });
    const { name, url } = entry;
    return { name, url, fetch: () => store.fetch(entry, { onProgress, onStale }) };
  });
}
