/**
 * A bucket of any store that speaks S3, as bytes by name.
 *
 * Requests are short, and each can be said again. A key is created by a put on the condition that there is none (`If-None-Match: *`), which
 * the server decides. A key that is absent reads as forbidden for one who may list only some prefixes: then the exact key is listed, and
 * only if that is allowed, and nothing is found, it is absent.
 *
 * Source: Amazon S3 API reference, PutObject, GetObject, ListObjectsV2, DeleteObject; signatures are of version 4.
 */
import { AwsV4Signer } from "aws4fetch";
import { formatBytes, messageOf, sha256, StageError, UsageError } from "../base/mod.ts";
import { type Entry, type NamedBytes, TooLargeError, UnreachableError } from "./named_bytes.ts";
import type { S3Access } from "./s3_access.ts";

/** A body that is sent may take as long as a line of 1 Mbit/s takes. */
const leastBytesPerMs = 125;

/** Requests of one removal that are under way at once. */
const removalsAtOnce = 16;

interface Asked {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Statuses that are no errors, beside success. */
  readonly accept?: readonly number[];
}

export class S3Bytes implements NamedBytes {
  readonly place: string;
  /** A look takes some 50 ms, and may cost money. */
  readonly pollMs = { least: 100, most: 5000 };
  readonly #bucketUrl: string;
  /** Before every name: nothing, or what ends in `/`. */
  readonly #prefix: string;
  readonly #access: S3Access;
  readonly #client: Deno.HttpClient;
  #isClosed = false;
  /** Keys of signatures, by day. */
  readonly #cache = new Map<string, ArrayBuffer>();

  readonly #silenceMs: number;

  /**
   * @param url `s3://bucket/prefix`
   * @param silenceMs A request that is silent for so long has failed.
   */
  constructor(url: string, access: S3Access, silenceMs = 30_000) {
    const [, bucket, path] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*?)\/*)?$/s.exec(url) ?? [];
    if (bucket === undefined) {
      throw new UsageError(`Cannot open "${url}": expected s3://, a bucket, / and a prefix`);
    }
    this.place = url;
    this.#bucketUrl = `${access.endpoint.replace(/\/+$/, "")}/${bucket}`;
    this.#prefix = path ? `${path}/` : "";
    this.#access = access;
    this.#silenceMs = silenceMs;
    const { certificates } = access;
    this.#client = Deno.createHttpClient(certificates ? { caCerts: [certificates] } : {});
  }

  async read(name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const answer = await this.#request("GET", name, { accept: [403, 404] });
    if (!answer.ok) {
      const error = await this.#refused("GET", name, answer);
      const isAbsent = error.code === "NoSuchKey" ||
        error.status === 403 && await this.find(name) === undefined;
      if (isAbsent) return undefined;
      throw error;
    }
    return await bodyOf(answer, maxBytes, `${this.place}/${name}`, this.#silenceMs);
  }

  async create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const headers = { "if-none-match": "*" };
    const answer = await this.#request("PUT", name, { body: bytes, headers, accept: [412] });
    await answer.body?.cancel();
    return answer.status !== 412;
  }

  async replace(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const answer = await this.#request("PUT", name, { body: bytes });
    await answer.body?.cancel();
  }

  async find(name: string): Promise<Entry | undefined> {
    const { entries } = await this.#page(name, { "max-keys": "1" }); // the key itself is the first with this prefix
    const key = `${this.#prefix}${name}`;
    const found = entries.find((entry) => entry.name === key);
    return found && { ...found, name: name.slice(name.lastIndexOf("/") + 1) };
  }

  async list(folder: string): Promise<readonly Entry[]> {
    const entries: Entry[] = [];
    for await (const entry of this.#entries(`${folder}/`, { delimiter: "/" })) {
      const name = entry.name.slice(`${this.#prefix}${folder}/`.length).replace(/\/$/, "");
      entries.push({ ...entry, name });
    }
    return entries.sort((a, b) => a.name < b.name ? -1 : 1);
  }

  async remove(name: string): Promise<void> {
    let names = [name];
    for await (const entry of this.#entries(`${name}/`, {})) {
      names.push(entry.name.slice(this.#prefix.length));
      if (names.length < removalsAtOnce) continue;
      await Promise.all(names.map((name) => this.#delete(name)));
      names = [];
    }
    await Promise.all(names.map((name) => this.#delete(name)));
  }

  // deno-lint-ignore require-await
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) this.#client.close();
    this.#isClosed = true;
  }

  async #delete(name: string): Promise<void> {
    const answer = await this.#request("DELETE", name, { accept: [404] });
    await answer.body?.cancel();
  }

  async *#entries(prefix: string, query: Readonly<Record<string, string>>): AsyncGenerator<Entry> {
    let token: string | undefined;
    do {
      const page = await this.#page(prefix, {
        ...query,
        ...(token === undefined ? {} : { "continuation-token": token }),
      });
      yield* page.entries;
      token = page.next;
    } while (token !== undefined);
  }

  /** A page of a listing. Names are whole keys. */
  async #page(prefix: string, query: Readonly<Record<string, string>>) {
    const answer = await this.#request("GET", "", {
      query: {
        "list-type": "2",
        "encoding-type": "url",
        prefix: `${this.#prefix}${prefix}`,
        ...query,
      },
    });
    const bytes = await bodyOf(answer, 16 << 20, `the listing of ${this.place}`, this.#silenceMs);
    const xml = new TextDecoder().decode(bytes);
    const keys = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, content]) => ({
      name: decodedKey(field(content, "Key")!),
      bytes: Number(field(content, "Size")),
      tag: field(content, "ETag"),
    }));
    const folders = [...xml.matchAll(/<CommonPrefixes>(.*?)<\/CommonPrefixes>/gs)]
      .map(([, content]) => ({ name: decodedKey(field(content, "Prefix")!) }));
    return { entries: [...keys, ...folders], next: field(xml, "NextContinuationToken") };
  }

  /** @throws UnreachableError where another try may help */
  async #request(method: string, name: string, asked: Asked): Promise<Response> {
    const { query = {}, headers = {}, body, accept = [] } = asked;
    const url = new URL(
      name === "" ? this.#bucketUrl : `${this.#bucketUrl}/${encodedKey(this.#prefix + name)}`,
    );
    Object.entries(query).forEach(([key, value]) => url.searchParams.set(key, value));
    const signer = new AwsV4Signer({
      ...this.#access,
      region: this.#access.region ?? "us-east-1",
      service: "s3",
      method,
      url: url.href,
      headers: { ...headers, "x-amz-content-sha256": sha256(body ?? "") },
      cache: this.#cache,
    });
    const signed = await signer.sign();
    let answer: Response;
    try {
      answer = await fetch(signed.url, {
        method,
        headers: signed.headers,
        body,
        client: this.#client,
        redirect: "manual", // to another region: an answer, and no success
        signal: AbortSignal.timeout(this.#silenceMs + (body?.length ?? 0) / leastBytesPerMs),
      });
    } catch (cause) {
      throw unreachable(this.place, cause);
    }
    if (answer.ok || accept.includes(answer.status)) return answer;
    const error = await this.#refused(method, name, answer);
    const mayPass = error.status >= 500 || [408, 409, 429].includes(error.status);
    throw mayPass ? new UnreachableError(error.message) : error;
  }

  async #refused(method: string, name: string, answer: Response): Promise<S3Error> {
    const code = field(await answer.text().catch(() => ""), "Code") ?? "";
    const verb = { GET: "read", PUT: "write", DELETE: "remove" }[method];
    const what = name === "" ? `the listing of ${this.place}` : `${this.place}/${name}`;
    const found = `status ${answer.status} ${code}`.trimEnd();
    const message = `Cannot ${verb} ${what}: expected success, found ${found}`;
    return new S3Error(message, answer.status, code);
  }
}

/** A refusal of the server that another try does not change. */
export class S3Error extends StageError {
  /** @param code The server's word: `AccessDenied`. */
  constructor(message: string, readonly status: number, readonly code: string) {
    super(message);
  }
}

function unreachable(place: string, cause: unknown): UnreachableError {
  const isSilence = cause instanceof DOMException && cause.name === "TimeoutError";
  // «fetch failed»; its own cause says why.
  const root = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  const found = isSilence ? "silence" : messageOf(root);
  return new UnreachableError(`Cannot reach ${place}: expected an answer, found ${found}`, {
    cause,
  });
}

/** The body of an answer. It may come slowly, but not be silent. */
async function bodyOf(
  answer: Response,
  maxBytes: number,
  what: string,
  silenceMs: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const reader = answer.body!.getReader();
  const tooLarge = () =>
    new TooLargeError(`Cannot read ${what}: expected at most ${formatBytes(maxBytes)}, found more`);
  try {
    if (Number(answer.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
    for (;;) {
      const { value, done } = await unlessSilent(reader.read(), silenceMs);
      if (done) break;
      parts.push(value);
      bytes += value.length;
      if (bytes > maxBytes) throw tooLarge();
    }
  } catch (error) {
    reader.cancel().catch(() => {}); // it has failed already
    throw error instanceof TooLargeError ? error : unreachable(what, error);
  }
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function unlessSilent<T>(promise: Promise<T>, silenceMs: number): Promise<T> {
  const silent = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => silent.reject(new DOMException("silence", "TimeoutError")),
    silenceMs,
  );
  try {
    return await Promise.race([promise, silent.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function field(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
    .replace(/&(lt|gt|quot|apos|#34|#39|amp);/g, (_, entity) => entities[entity]);
}

const entities: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  quot: '"',
  "#34": '"',
  apos: "'",
  "#39": "'",
  amp: "&",
};

function encodedKey(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/");
}

function decodedKey(key: string): string {
  return decodeURIComponent(key.replaceAll("+", " "));
}
