/**
 * Where remote files come from and are kept on this machine: what the environment says, put together once.
 *
 *   DEPT_CACHE    folder of fetched and prepared files; default `$XDG_CACHE_HOME/dept` or `~/.cache/dept`
 *   DEPT_HUB_URL  base URL of the hub, before the recipe's own `hub`
 *   HF_TOKEN      sent to the public hub and to the one of DEPT_HUB_URL; never to a hub that a recipe names, nor where a hub
 *                 redirects to
 */
import { basename, join, resolve } from "node:path";
import { sha256, StageError, UsageError, writeFileAtomic } from "../../base/mod.ts";
import {
  type CachedFile,
  decoded,
  DownloadCache,
  HttpClient,
  type HttpOptions,
} from "../http/mod.ts";
import { type HubFile, listHub, publicHub } from "./hub.ts";
import { isCommit, isHubReference, parseHubReference } from "./hub_reference.ts";

interface RemoteStoreOptions extends Partial<HttpOptions> {
  /** Base URL of the hub; the environment comes first. */
  readonly hub?: string | null;
  readonly cacheFolder?: string;
}

/** The environment variables that say where files come from and are kept. */
export const remoteEnvironment = [
  "DEPT_CACHE",
  "DEPT_HUB_URL",
  "HF_TOKEN",
  "HOME",
  "XDG_CACHE_HOME",
] as const;

/** A file that a pattern names. */
export interface RemoteEntry extends HubFile {
  /** Base name, as ids of documents have it. */
  readonly name: string;
  readonly isImmutable: boolean;
}

/** Whether a file is named by a URL or on the hub, and not by a path. */
export function isRemote(text: string): boolean {
  return /^https?:\/\//.test(text) || isHubReference(text);
}

/** What of a remote name is its path, whose ending tells the format. */
export function remotePath(text: string): string {
  return isHubReference(text) ? parseHubReference(text).glob : parsedUrl(text).pathname;
}

export class RemoteStore {
  readonly client: HttpClient;
  /** Folder of files that are made once and shared: downloads, splits. */
  readonly folder: string;
  readonly #hub: string;
  readonly #cache: DownloadCache;

  constructor({ hub, cacheFolder, ...http }: RemoteStoreOptions = {}) {
    const named = Deno.env.get("DEPT_HUB_URL");
    this.#hub = checkedHub(named || hub || publicHub);
    // A recipe may come from anyone: the hub that it names is asked for data, and gets no secret.
    const trusted = named ? [publicHub, this.#hub] : [publicHub];
    const token = checkedToken(Deno.env.get("HF_TOKEN") ?? "");
    const tokens = token === ""
      ? []
      : trusted.map((url) => ({ origin: new URL(url).origin, token }));
    this.folder = cacheFolder ?? sharedCacheFolder();
    // The instances of a run are processes: together they keep to the limit.
    const slotsFolder = join(this.folder, "transfers");
    this.client = new HttpClient({ tokens, slotsFolder, ...http });
    this.#cache = new DownloadCache(join(this.folder, "downloads"), this.client);
  }

  /** The files of a URL or an `hf://` pattern, in order. @throws StageError when there is none. */
  async list(pattern: string, onStale?: (reason: string) => void): Promise<readonly RemoteEntry[]> {
    if (!isHubReference(pattern)) {
      const path = parsedUrl(pattern).pathname;
      return [{ path, name: basename(decoded(path)), url: pattern, isImmutable: false }];
    }
    const reference = parseHubReference(pattern);
    const isImmutable = isCommit(reference.revision);
    const kept = join(
      this.folder,
      "listings",
      `${sha256(`${this.#hub} ${pattern}`).slice(0, 40)}.json`,
    );
    let files = isImmutable ? readListing(kept) : undefined;
    if (files === undefined) {
      try {
        files = await listHub(reference, this.client, this.#hub);
        Deno.mkdirSync(join(kept, ".."), { recursive: true });
        writeFileAtomic(kept, JSON.stringify(files));
      } catch (error) {
        files = readListing(kept);
        if (files === undefined || !(error instanceof StageError)) throw error;
        onStale?.(error.message);
      }
    }
    return files.map((file) => ({ ...file, name: basename(file.path), isImmutable }));
  }

  /** The whole file, from the cache or fetched into it. */
  fetch(
    { url, size, sha256, isImmutable }: RemoteEntry,
    more: Partial<Parameters<DownloadCache["fetch"]>[1]> = {},
  ): Promise<CachedFile> {
    return this.#cache.fetch(url, { size, sha256, isImmutable, ...more });
  }
}

/** Undefined where nothing was listed yet, or what was is damaged: it is listed again. */
function readListing(path: string): readonly HubFile[] | undefined {
  try {
    const files: unknown = JSON.parse(Deno.readTextFileSync(path));
    const isFile = (file: HubFile) => typeof file.path === "string" && typeof file.url === "string";
    return Array.isArray(files) && files.every(isFile) ? files : undefined;
  } catch {
    return undefined;
  }
}

function parsedUrl(text: string): URL {
  if (URL.canParse(text)) return new URL(text);
  throw new UsageError(`Cannot read "${text}": expected a URL, found another form`);
}

/** A token without the line feed of the file that it was copied from. Errors do not show it. */
function checkedToken(text: string): string {
  const token = text.trim();
  if (/^[!-~]*$/.test(token)) return token;
  throw new UsageError(
    "Cannot use HF_TOKEN: expected a token, found spaces or other characters in it",
  );
}

function checkedHub(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new UsageError(`Cannot use hub "${text}": expected the base URL of a hub, as ${publicHub}`);
}

/** Where fetched and prepared files are kept, absolute. */
export function sharedCacheFolder(): string {
  const named = Deno.env.get("DEPT_CACHE");
  if (named) return resolve(named);
  const caches = Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") || ".", ".cache");
  return resolve(caches, "dept");
}
