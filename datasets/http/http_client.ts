/**
 * One HTTP request at a time, done carefully: redirects by hand, tokens to their own host only, bodies watched for stalls.
 *
 * A failure that may pass with time (connection, 408, 425, 429, 5xx, a stall) is a `TransientHttpError`; any other is a `StageError`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { messageOf, Random, StageError } from "../../base/mod.ts";
import { httpDefaults, type HttpOptions } from "./http_options.ts";
import { Slots } from "./slots.ts";

const maxRedirects = 10;
const transientStatus = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A failure that may not occur when the request is made again. */
export class TransientHttpError extends Error {
  override readonly name = "TransientHttpError";
  /** What the server asked for, in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  /** Chunks of the body; ends early only by an error. Iterating it, or `cancel`, frees the transfer's slot. */
  readonly body: AsyncIterable<Uint8Array>;
  cancel(): Promise<void>;
}

/** Makes requests; holds the slots of transfers and the jitter's draws. */
export class HttpClient {
  readonly options: HttpOptions;
  readonly #slots: Slots;
  readonly #random: Random;

  constructor(options: Partial<HttpOptions> = {}) {
    this.options = { ...httpDefaults, ...options };
    this.#slots = new Slots(this.options.maxTransfers, this.options.slotsFolder);
    this.#random = new Random(this.options.seed);
  }

  /**
   * One GET. Statuses 200, 206 and 416 are replies.
   *
   * @throws TransientHttpError when another try may succeed, StageError when it cannot.
   */
  async get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpReply> {
    const release = await this.#slots.take(this.options.signal);
    const abort = new AbortController();
    let isOpen = true;
    const close = () => {
      if (isOpen) release();
      isOpen = false;
    };
    try {
      const response = await this.#follow(url, headers, abort);
      return {
        status: response.status,
        headers: response.headers,
        body: this.#watched(response, abort, close),
        async cancel() {
          abort.abort();
          await response.body?.cancel().catch(() => {});
          close();
        },
      };
    } catch (error) {
      close();
      throw error;
    }
  }

  /**
   * Calls `act` until it succeeds, waiting between failures that may pass.
   * @throws StageError with the last reason after `maxAttempts`.
   */
  async retrying<T>(what: string, act: () => Promise<T>): Promise<T> {
    for (let failed = 1;; failed++) {
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof TransientHttpError)) throw error;
        await this.waitAfter(what, error, failed);
      }
    }
  }

  /**
   * Waits before another try.
   * @param failed attempts in a row that gained nothing. @throws StageError when there were `maxAttempts`.
   */
  async waitAfter(what: string, failure: TransientHttpError, failed: number): Promise<void> {
    const { maxAttempts, signal, onRetry } = this.options;
    signal?.throwIfAborted();
    if (failed >= maxAttempts) {
      throw new StageError(
        `Cannot fetch ${what}: expected an answer, found ${failure.message}, ` +
          `${failed} times in a row; try again later`,
        { cause: failure },
      );
    }
    const delayMs = this.#delayMs(failed, failure.retryAfterMs);
    onRetry?.(`${what}: ${failure.message}`, delayMs);
    await pause(delayMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }

  #delayMs(failed: number, retryAfterMs = 0): number {
    const { firstDelayMs, maxDelayMs } = this.options;
    const backOff = Math.min(firstDelayMs * 2 ** (failed - 1), maxDelayMs);
    return Math.max(backOff * (0.5 + this.#random.float64() / 2), Math.min(retryAfterMs, 600_000));
  }

  async #follow(
    start: string,
    headers: Readonly<Record<string, string>>,
    abort: AbortController,
  ): Promise<Response> {
    let url = checkedUrl(start);
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const response = await this.#fetch(url, headers, abort);
      if (![301, 302, 303, 307, 308].includes(response.status)) {
        await this.#checkStatus(response, url);
        return response;
      }
      await response.body?.cancel();
      const location = response.headers.get("location");
      if (location === null) {
        throw new StageError(`Cannot fetch ${shown(url)}: expected a redirect to name a place`);
      }
      const next = checkedUrl(new URL(location, url).href);
      if (url.protocol === "https:" && next.protocol === "http:") {
        throw new StageError(
          `Cannot fetch ${shown(url)}: expected a redirect to https, found ${shown(next)}`,
        );
      }
      url = next;
    }
    throw new StageError(
      `Cannot fetch ${
        shown(checkedUrl(start))
      }: expected at most ${maxRedirects} redirects, found more`,
    );
  }

  async #fetch(
    url: URL,
    headers: Readonly<Record<string, string>>,
    abort: AbortController,
  ): Promise<Response> {
    const { windowMs, tokens, signal } = this.options;
    const timer = setTimeout(() => abort.abort(), windowMs);
    const token = tokens.find(({ origin }) => origin === url.origin && isSafe(url))?.token;
    try {
      return await fetch(url, {
        redirect: "manual",
        signal: AbortSignal.any(signal === undefined ? [abort.signal] : [abort.signal, signal]),
        headers: {
          // Bytes as stored: lengths and ranges are of these.
          "accept-encoding": "identity",
          ...headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      });
    } catch (cause) {
      signal?.throwIfAborted();
      const found = abort.signal.aborted
        ? `no answer within ${windowMs / 1000} s`
        : reasonOf(cause).replaceAll(url.href, shown(url));
      throw new TransientHttpError(found, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  async #checkStatus(response: Response, url: URL): Promise<void> {
    const { status } = response;
    if (status === 200 || status === 206 || status === 416) return;
    await response.body?.cancel();
    if (transientStatus.has(status)) {
      const after = response.headers.get("retry-after");
      throw new TransientHttpError(`status ${status}`, { retryAfterMs: retryAfterMs(after) });
    }
    const way = status === 401 || status === 403
      ? "; data that needs an account needs a token in the environment: HF_TOKEN goes to the public hub and to the one that DEPT_HUB_URL names"
      : "";
    throw new StageError(
      `Cannot fetch ${shown(url)}: expected status 200, found ${status}${way}`,
    );
  }

  /** The chunks of a body; a stall or a cut is a `TransientHttpError`. */
  async *#watched(
    response: Response,
    abort: AbortController,
    close: () => void,
  ): AsyncGenerator<Uint8Array> {
    const { windowMs, minWindowBytes, signal } = this.options;
    let received = 0;
    let stalled = false;
    const watch = setInterval(() => {
      if (received < minWindowBytes) {
        stalled = true;
        abort.abort();
      }
      received = 0;
    }, windowMs);
    try {
      for await (const chunk of response.body ?? []) {
        received += chunk.length;
        if (chunk.length > 0) yield chunk;
        // What the caller does with a chunk is not the server's delay.
        received = Math.max(received, minWindowBytes);
      }
    } catch (cause) {
      signal?.throwIfAborted();
      const found = stalled
        ? `less than ${minWindowBytes} bytes in ${windowMs / 1000} s`
        : `a cut connection (${messageOf(cause)})`;
      throw new TransientHttpError(found, { cause });
    } finally {
      clearInterval(watch);
      abort.abort();
      close();
    }
  }
}

/** Why no answer came: the cause of "fetch failed" has the real reason. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? cause.message : messageOf(error);
}

/** A URL as messages show it: what follows `?` may be a signature. */
export function shown(url: URL | string): string {
  const { origin, pathname } = new URL(url);
  return `"${origin}${pathname}"`;
}

/** Text with its percent signs resolved; as it is where they stand for nothing. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new StageError(
    `Cannot fetch "${text.split("?")[0]}": expected an http or https URL, found another`,
  );
}

/** Whether a token may travel: not in the clear, except within this machine. */
function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
}

function retryAfterMs(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const until = Date.parse(value);
  return Number.isNaN(until) ? undefined : Math.max(0, until - Date.now());
}
