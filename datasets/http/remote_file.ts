/**
 * A file of a URL: its size and ETag, and its bytes from any place to the end, however often a transfer breaks.
 */
import { StageError } from "../../base/mod.ts";
import { type HttpClient, type HttpReply, shown, TransientHttpError } from "./http_client.ts";

/** One state of a remote file. */
export interface RemoteFile {
  readonly url: string;
  /** In bytes; undefined when the server does not say. */
  readonly size: number | undefined;
  /** What tells this state from others: the ETag, else Last-Modified, else undefined. */
  readonly validator: string | undefined;
  /** Whether the server gives ranges. */
  readonly hasRanges: boolean;
}

/** The file is no longer the one that a transfer began with, or nothing shows that it is. */
export class ChangedError extends StageError {}

/** A transfer that brings less than this before it breaks gained nothing: else a server could cut after every byte for ever. */
const worthwhileBytes = 64 * 1024;

/** What a URL names now. It asks for one byte, as signed URLs refuse HEAD. @throws StageError when there is no such file. */
export function probe(client: HttpClient, url: string): Promise<RemoteFile> {
  return client.retrying(shown(url), async () => {
    const reply = await client.get(url, { range: "bytes=0-0" });
    await reply.cancel();
    checkEncoding(reply, url);
    const validator = validatorOf(reply);
    if (reply.status === 200) {
      return { url, size: contentLength(reply), validator, hasRanges: false };
    }
    return { url, size: contentRange(reply)?.total, validator, hasRanges: true };
  });
}

/**
 * The bytes [from, end) of a file, to its end by default. A broken transfer is gone on with where it broke.
 *
 * @throws ChangedError when the server now has another file, StageError when it cannot be had.
 */
export async function* remoteBytes(
  client: HttpClient,
  file: RemoteFile,
  from = 0,
  end: number | undefined = file.size,
): AsyncGenerator<Uint8Array> {
  let at = from;
  for (let failed = 0; end === undefined || at < end;) {
    const start = at;
    if (at > from && file.validator === undefined) {
      throw new ChangedError(
        `Cannot go on with ${
          shown(file.url)
        } after ${at} bytes: expected an ETag or a date that shows it is ` +
          `still the same file, found neither`,
      );
    }
    try {
      for await (const chunk of transfer(client, file, at, end)) {
        at += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      if (!(error instanceof TransientHttpError)) throw error;
      failed = at - start >= worthwhileBytes ? 1 : failed + 1;
      await client.waitAfter(shown(file.url), error, failed);
    }
  }
}

/** One attempt. */
async function* transfer(
  client: HttpClient,
  file: RemoteFile,
  from: number,
  end: number | undefined,
): AsyncGenerator<Uint8Array> {
  const reply = await client.get(file.url, rangeHeaders(file, from, end));
  try {
    let skip = checkedSkip(reply, file, from);
    let at = from;
    for await (const chunk of reply.body) {
      const part = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - part.length;
      const wanted = end === undefined ? part : part.subarray(0, end - at);
      at += wanted.length;
      if (wanted.length > 0) yield wanted;
      if (wanted.length < part.length) {
        if (end === file.size) throw changed(file, `${end} bytes`, "more");
        return; // the server ignores where a range ends
      }
    }
    if (end !== undefined && at < end) {
      throw new TransientHttpError(`${at - from} of ${end - from} bytes`);
    }
  } finally {
    await reply.cancel();
  }
}

function rangeHeaders(
  { size, validator, hasRanges }: RemoteFile,
  from: number,
  end: number | undefined,
): Record<string, string> {
  const isWhole = from === 0 && end === size;
  if (!hasRanges || isWhole) return {};
  const range = `bytes=${from}-${end === undefined ? "" : end - 1}`;
  // A weak ETag does not promise the same bytes.
  return validator?.startsWith('"') ? { range, "if-range": validator } : { range };
}

/** How many bytes of a reply come before the wanted ones. @throws when it is not of the state that `file` is. */
function checkedSkip(reply: HttpReply, file: RemoteFile, from: number): number {
  checkEncoding(reply, file.url);
  const validator = validatorOf(reply);
  if (file.validator !== undefined && validator !== undefined && validator !== file.validator) {
    throw changed(file, `version ${file.validator}`, validator);
  }
  const range = contentRange(reply);
  const total = reply.status === 200 ? contentLength(reply) : range?.total;
  if (file.size !== undefined && total !== undefined && total !== file.size) {
    throw changed(file, `${file.size} bytes`, `${total}`);
  }
  if (reply.status === 200) return from;
  if (reply.status === 416) throw new TransientHttpError(`a refused range from byte ${from}`);
  if (range?.start !== from) {
    const found = range?.start === undefined ? "no place" : `byte ${range.start}`;
    throw new TransientHttpError(`a range from ${found} where byte ${from} was asked for`);
  }
  return 0;
}

function changed({ url }: RemoteFile, expected: string, found: string): ChangedError {
  return new ChangedError(
    `Cannot fetch ${
      shown(url)
    }: expected ${expected}, found ${found}; it was changed while it was read`,
  );
}

function validatorOf({ headers }: HttpReply): string | undefined {
  return headers.get("etag") ?? headers.get("last-modified") ?? undefined;
}

/** `bytes 0-99/1000`; of a refused range only the total. */
function contentRange({ headers }: HttpReply): { start?: number; total?: number } | undefined {
  const found = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
  if (found === null) return undefined;
  const number = (text: string | undefined) =>
    text === undefined || text === "*" ? undefined : Number(text);
  return { start: number(found[1]), total: number(found[3]) };
}

function contentLength({ headers }: HttpReply): number | undefined {
  const text = headers.get("content-length");
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Stores that pack what they send would make lengths and ranges of something else than the file. */
function checkEncoding({ headers }: HttpReply, url: string): void {
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding === "identity") return;
  // Some stores name the packing of a packed file a second time: its bytes are what is wanted.
  if (encoding === "gzip" && new URL(url).pathname.endsWith(".gz")) return;
  throw new StageError(
    `Cannot fetch ${
      shown(url)
    }: expected its bytes as stored, found content encoding "${encoding}"`,
  );
}
