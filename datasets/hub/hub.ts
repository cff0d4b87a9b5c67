/**
 * A hub's public HTTP API: which files a data set or model has, and where each is fetched from.
 *
 * Source: the Hugging Face Hub API, `GET /api/datasets/<owner>/<name>/tree/<revision>/<folder>?recursive=true` (pages by a
 * `Link` header; an LFS file's `oid` is its SHA-256) and `GET /datasets/<owner>/<name>/resolve/<revision>/<path>`; of a model
 * `/api/models/…` and `/<owner>/<name>/resolve/…`.
 */
import { formatBytes, StageError } from "../../base/mod.ts";
import { type HttpClient, shown } from "../http/mod.ts";
import { globFolder, globPattern, type HubReference, isGlob } from "./hub_reference.ts";

/** Where the hub is unless the environment or the recipe names a mirror. */
export const publicHub = "https://huggingface.co";

/** A listing longer than this is refused: a page of it holds a thousand files, a file takes some 300 bytes. */
const maxPages = 1000;
const maxListingBytes = 512 * 2 ** 20;

export interface HubFile {
  /** In the data set. */
  readonly path: string;
  readonly url: string;
  /** As the listing has them; a path without wildcards is not listed. */
  readonly size?: number;
  readonly sha256?: string;
}

interface TreeEntry {
  readonly type: string;
  readonly path: string;
  readonly size?: number;
  readonly lfs?: { readonly oid?: string; readonly size?: number };
}

/**
 * The files that a reference names, sorted by path.
 * @param hub base URL of the hub or a mirror of it. @throws StageError when there is none.
 */
export async function listHub(
  reference: HubReference,
  client: HttpClient,
  hub: string = publicHub,
): Promise<readonly HubFile[]> {
  const { isModel, owner, name, revision, glob } = reference;
  const [folderOfKind, nameOfKind] = isModel ? ["", "models"] : ["datasets/", "datasets"];
  const base = hub.replace(/\/+$/, "");
  const rev = encodeURIComponent(revision);
  const urlOf = (path: string) => {
    const encoded = path.split("/").map(encodeURIComponent).join("/");
    return `${base}/${folderOfKind}${owner}/${name}/resolve/${rev}/${encoded}`;
  };
  if (!isGlob(glob)) return [{ path: glob, url: urlOf(glob) }];
  const folder = globFolder(glob).split("/").map(encodeURIComponent).join("/");
  const start = `${base}/api/${nameOfKind}/${owner}/${name}/tree/${rev}${folder && `/${folder}`}`;
  const pattern = globPattern(glob);
  const entries = await listTree(client, `${start}?recursive=true`);
  const files = entries.filter(({ type, path }) => type === "file" && pattern.test(path));
  if (files.length === 0) {
    const some = entries.filter(({ type }) => type === "file").slice(0, 3);
    throw new StageError(
      `Cannot read "hf://${folderOfKind}${owner}/${name}@${revision}/${glob}": expected files of that name, found ` +
        (some.length === 0
          ? "none"
          : `others, as ${some.map(({ path }) => `"${path}"`).join(", ")}`),
    );
  }
  return files.sort((a, b) => a.path < b.path ? -1 : 1).map(({ path, size, lfs }) => ({
    path,
    url: urlOf(path),
    size: lfs?.size ?? size,
    // The oid of a file outside LFS is a git blob's SHA-1.
    ...(/^[0-9a-f]{64}$/.test(lfs?.oid ?? "") ? { sha256: lfs!.oid } : {}),
  }));
}

async function listTree(client: HttpClient, start: string): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  const fail = (expected: string, found: string): never => {
    throw new StageError(`Cannot list ${shown(start)}: expected ${expected}, found ${found}`);
  };
  let left = maxListingBytes;
  const pages = new Set<string>();
  for (let next: string | undefined = start; next !== undefined;) {
    const url: string = next;
    if (pages.has(url)) fail("other pages", "the same page again");
    if (pages.add(url).size > maxPages) fail(`at most ${maxPages} pages`, "more");
    const { page, link } = await client.retrying(shown(url), async () => {
      const reply = await client.get(url);
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      let bytes = 0;
      for await (const chunk of reply.body) {
        chunks.push(new Uint8Array(chunk));
        bytes += chunk.length;
        if (bytes > left) fail(`at most ${formatBytes(maxListingBytes)}`, "more");
      }
      return { page: new Blob(chunks), link: reply.headers.get("link") };
    });
    left -= page.size;
    for (const entry of parsePage(await page.text(), url)) entries.push(entry);
    next = nextPage(link, url);
  }
  return entries;
}

function parsePage(text: string, url: string): TreeEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new StageError(`Cannot list ${shown(url)}: expected JSON, found other text`, { cause });
  }
  const isEntry = (entry: unknown) => {
    const { type, path } = (entry ?? {}) as Partial<TreeEntry>;
    return typeof type === "string" && typeof path === "string";
  };
  if (Array.isArray(value) && value.every(isEntry)) return value;
  throw new StageError(`Cannot list ${shown(url)}: expected a list of files, found other JSON`);
}

/** `<url>; rel="next"`. A mirror may pass on the hub's own address: the page is asked of the mirror. */
function nextPage(link: string | null, from: string): string | undefined {
  const found = /<([^>]+)>\s*;[^,]*rel="next"/.exec(link ?? "")?.[1];
  if (found === undefined) return undefined;
  const { search } = new URL(found, from);
  const next = new URL(from);
  next.search = search;
  return next.href;
}
