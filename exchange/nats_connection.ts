/**
 * One connection to a server of NATS, and what is asked over it. At its first failure it has ended, and another must be opened: under
 * Deno the library's own way back was seen never to come back after a link fell silent.
 *
 * Source: NATS client protocol; JetStream wire API (ADR-1), direct get (ADR-31).
 */
import {
  connect,
  credsAuthenticator,
  errors,
  headers as makeHeaders,
  type Msg,
  type NatsConnection as Library,
} from "@nats-io/transport-node";
import { formatBytes, messageOf, StageError } from "../base/mod.ts";
import { UnreachableError } from "./named_bytes.ts";
import type { NatsAccess } from "./nats_access.ts";

/** What is sent or awaited may take as long as a line of 1 Mbit/s takes. */
const leastBytesPerMs = 125;

/** A server that takes only smaller messages is of no use. */
const leastMessageBytes = 64 << 10;

/** What JetStream's errors say that a caller acts on. Source: nats-server, `server/errors.json`. */
const jetStreamErrors = { notEnabledForAccount: 10039 };

export interface Asked {
  /** What is done, for messages: `read tls://…/a`. */
  readonly act: string;
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the answer is, about. */
  readonly answerBytes?: number;
  /** Codes of JetStream's errors that are given back. */
  readonly accept?: readonly number[];
}

/** What JetStream answers in JSON. */
export interface JetStreamAnswer {
  readonly error?: {
    readonly code: number;
    readonly err_code: number;
    readonly description: string;
  };
}

/** A refusal of the server that another try does not change. */
export class NatsError extends StageError {}

export class NatsConnection {
  /** Streams that are known to be there, or not to be. */
  readonly streams = new Map<string, Promise<boolean>>();
  readonly #library: Library;
  readonly #place: string;
  readonly #silenceMs: number;
  /** Before the verbs of JetStream. */
  #api = "$JS.API";
  /** Sent and not answered, or awaited: later answers wait for these. */
  #bytesUnderWay = 0;
  #requestsUnderWay = 0;
  /** Of one request so far. */
  #mostBytesAsked = 0;
  #heardAtMs = 0;
  #isSilent = false;
  #watch: ReturnType<typeof setInterval> | undefined;

  private constructor(library: Library, place: string, silenceMs: number) {
    [this.#library, this.#place, this.#silenceMs] = [library, place, silenceMs];
  }

  /**
   * @param place `tls://host:port/prefix`
   * @param prefix Of the subjects: an account without streams of its own is given those of another account under `<prefix>.api`.
   * @param silenceMs A request that is silent for so long has failed.
   */
  static async open(
    place: string,
    prefix: string,
    { user, password, credentials, certificates }: NatsAccess,
    silenceMs: number,
  ): Promise<NatsConnection> {
    const { protocol, host, hostname } = new URL(place);
    // The library leaves out the name of a server that is an address, and then another name is looked for in the certificate.
    const tls = { ca: certificates, host: hostname };
    let library: Library;
    try {
      library = await connect({
        servers: host,
        name: "exchange",
        reconnect: false,
        ignoreClusterUpdates: true,
        noAsyncTraces: true,
        timeout: silenceMs,
        ...user === undefined ? {} : { user, pass: password },
        ...credentials === undefined
          ? {}
          : { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) },
        ...protocol === "tls:" || certificates !== undefined ? { tls } : {},
      });
    } catch (error) {
      throw failure(place, `open ${place}`, error);
    }
    const connection = new NatsConnection(library, place, silenceMs);
    if (connection.mostBytes < leastMessageBytes) {
      await library.close();
      const [least, found] = [leastMessageBytes, connection.mostBytes].map(formatBytes);
      throw new NatsError(`Cannot use ${place}: expected max_payload of ${least}, found ${found}`);
    }
    const accept = [jetStreamErrors.notEnabledForAccount];
    const { error } = await connection.ask("INFO", { act: `open ${place}`, accept });
    if (error !== undefined) connection.#api = `${prefix}.api`;
    return connection;
  }

  get isOpen(): boolean {
    return !this.#library.isClosed();
  }

  /** The largest message, with its headers. */
  get mostBytes(): number {
    return this.#library.info!.max_payload;
  }

  async close(): Promise<void> {
    await this.#library.close();
  }

  /** Asks JetStream. @param verb `STREAM.INFO.<stream>` */
  async ask<T extends JetStreamAnswer>(
    verb: string,
    { body, ...asked }: Omit<Asked, "body"> & { readonly body?: unknown },
  ): Promise<T> {
    const text = body === undefined ? "" : JSON.stringify(body);
    return await this.#json(`${this.#api}.${verb}`, { ...asked, body: text });
  }

  /** Has a stream take a message. */
  async publish(subject: string, asked: Asked): Promise<JetStreamAnswer> {
    return await this.#json(subject, asked);
  }

  /** The last message of a subject; undefined for none. */
  async last(stream: string, subject: string, asked: Asked): Promise<Msg | undefined> {
    const message = await this.#request(`${this.#api}.DIRECT.GET.${stream}.${subject}`, asked);
    const { code = 0, description = "" } = message.headers ?? {};
    if (code === 404) return undefined;
    if (code === 0) return message;
    throw refusal(asked.act, `${code} ${description}`, code >= 500);
  }

  async #json<T extends JetStreamAnswer>(subject: string, asked: Asked): Promise<T> {
    const answer: T = (await this.#request(subject, asked)).json();
    const { error } = answer;
    if (error === undefined || asked.accept?.includes(error.err_code)) return answer;
    throw refusal(asked.act, `error ${error.err_code}, ${error.description}`, error.code >= 500);
  }

  /** @throws UnreachableError where another try may help */
  async #request(subject: string, { act, body, headers, answerBytes = 0 }: Asked): Promise<Msg> {
    const bytes = (body?.length ?? 0) + answerBytes;
    this.#begin(bytes);
    const made = headers && makeHeaders();
    Object.entries(headers ?? {}).forEach(([key, value]) => made!.set(key, value));
    const timeout = this.#silenceMs + this.#bytesUnderWay / leastBytesPerMs;
    try {
      return await this.#library.request(subject, body, { headers: made, timeout });
    } catch (error) {
      const cause = this.#isSilent ? new errors.TimeoutError() : error;
      const thrown = failure(this.#place, act, cause);
      if (thrown instanceof UnreachableError) this.#library.close().catch(() => {});
      throw thrown;
    } finally {
      this.#end(bytes);
    }
  }

  #begin(bytes: number): void {
    this.#bytesUnderWay += bytes;
    this.#mostBytesAsked = Math.max(this.#mostBytesAsked, bytes);
    if (this.#requestsUnderWay++ > 0) return;
    this.#heardAtMs = performance.now();
    this.#watch = setInterval(() => this.#listen(), this.#silenceMs / 4);
  }

  #end(bytes: number): void {
    this.#bytesUnderWay -= bytes;
    this.#heardAtMs = performance.now();
    if (--this.#requestsUnderWay === 0) clearInterval(this.#watch);
  }

  /** Ends a connection on which no request of several is answered: sooner than the last of them would. */
  #listen(): void {
    const longestMs = this.#silenceMs + this.#mostBytesAsked / leastBytesPerMs;
    if (performance.now() - this.#heardAtMs < longestMs) return;
    this.#isSilent = true;
    this.#library.close().catch(() => {});
  }
}

function refusal(act: string, found: string, mayPass: boolean): Error {
  const message = `Cannot ${act}: expected success, found ${found}`;
  return mayPass ? new UnreachableError(message) : new NatsError(message);
}

/** What an error of the library means. */
function failure(place: string, act: string, error: unknown): Error {
  const root = error instanceof errors.RequestError && error.cause || error;
  const isRefused = root instanceof errors.PermissionViolationError ||
    root instanceof errors.AuthorizationError ||
    root instanceof errors.UserAuthenticationExpiredError;
  if (isRefused) return refusal(act, messageOf(root), false);
  // A link that is cut while it is opened says nothing, and the library neither.
  const isCut = messageOf(root).startsWith("error connecting - node provided");
  const found = root instanceof errors.TimeoutError
    ? "silence"
    : isCut
    ? "a closed link"
    : messageOf(root);
  return new UnreachableError(`Cannot reach ${place}: expected an answer, found ${found}`, {
    cause: error,
  });
}
