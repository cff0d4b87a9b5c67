/**
 * Streams of a server of NATS with JetStream, as bytes by name.
 *
 * A name is a subject, whose last message counts. Little content lies in that message, the *head*. More goes in pieces first, under the
 * digest of the whole, and the head comes last: it says how many pieces there are, and while one is missing there is nothing under the
 * name. A name is created by a message on the condition that its subject has none, which the server decides.
 *
 * Streams are made by whoever may, when they are missing: a server that has lost everything gets them again.
 */
import { formatBytes, sha256 } from "../base/mod.ts";
import { Flow } from "./flow.ts";
import { type Entry, type NamedBytes, TooLargeError, UnreachableError } from "./named_bytes.ts";
import { type NatsAccess, natsUrl } from "./nats_access.ts";
import { type JetStreamAnswer, NatsConnection, NatsError } from "./nats_connection.ts";
import { NatsSubjects } from "./nats_subjects.ts";

/** Content of at most so many bytes lies in the head: whoever looks at a name gets it too. */
const mostHeadBytes = 32 << 10;

/** A piece, unless the server takes only smaller messages. */
const pieceBytes = 512 << 10;

/** Nobody is made to ask for smaller pieces than a head can be. */
const leastPieceBytes = mostHeadBytes;

/** Of a message, beside its content. */
const headerBytes = 4 << 10;

/** Headers of a head: its size and, where the content is in pieces, their series: the size of a piece, and digits of the digest of all. */
const fields = { bytes: "Content-Bytes", series: "Content-Series" };

/** JetStream's errors. Source: nats-server, `server/errors.json`. */
const streamNotFound = 10059;
const streamIsAnother = 10058;
const wrongLastSequence = 10071;

interface Head {
  readonly sequence: number;
  readonly bytes: number;
  readonly tag: string;
  /** The content, or where its pieces are. */
  readonly content: Uint8Array<ArrayBuffer> | Pieces;
}

interface Pieces {
  readonly series: string;
  readonly pieceBytes: number;
  readonly count: number;
}

interface StreamInfo extends JetStreamAnswer {
  readonly total: number;
  readonly state: { readonly subjects?: Readonly<Record<string, number>> };
}

export class NatsBytes implements NamedBytes {
  readonly place: string;
  /** A look takes some milliseconds, and a line in between more. */
  readonly pollMs = { least: 20, most: 1000 };
  readonly #subjects: NatsSubjects;
  readonly #access: NatsAccess;
  readonly #silenceMs: number;
  readonly #flow = new Flow();
  #connection: Promise<NatsConnection> | undefined;
  #mayMakeStreams = true;
  #isClosed = false;

  /**
   * @param url `tls://host:4222/prefix`, or `nats://` where the server speaks no TLS.
   * @param silenceMs A request that is silent for so long has failed.
   */
  constructor(url: string, access: NatsAccess, silenceMs = 15_000) {
    this.place = url.replace(/\/$/, "");
    this.#subjects = new NatsSubjects(natsUrl(url).prefix);
    this.#access = access;
    this.#silenceMs = silenceMs;
  }

  async read(name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    let before: string | undefined;
    for (;;) {
      const head = await this.#head(name);
      if (head === undefined || head.tag === before) return undefined;
      if (head.bytes > maxBytes) {
        throw new TooLargeError(
          `Cannot read ${this.place}/${name}: expected at most ${formatBytes(maxBytes)}, found ${
            formatBytes(head.bytes)
          }`,
        );
      }
      if (head.content instanceof Uint8Array) return head.content;
      const content = await this.#joined(name, head.bytes, head.content);
      if (content !== undefined) return content;
      before = head.tag; // a piece is missing: other content has taken its place, or there is none
    }
  }

  async create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const isLarge = bytes.length > mostHeadBytes;
    for (let standing = isLarge ? await this.#head(name) : undefined;;) {
      if (standing !== undefined && await this.#isWhole(name, standing)) return false;
      if (await this.#write(name, bytes, standing?.sequence ?? 0)) return true;
      standing = await this.#head(name);
    }
  }

  async replace(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#write(name, bytes);
  }

  async find(name: string): Promise<Entry | undefined> {
    const head = await this.#head(name);
    if (head === undefined || !await this.#isWhole(name, head)) return undefined;
    return { name: name.slice(name.lastIndexOf("/") + 1), bytes: head.bytes, tag: head.tag };
  }

  async list(folder: string): Promise<readonly Entry[]> {
    const depth = folder === "" ? 0 : folder.split("/").length;
    const [names, folders] = [new Set<string>(), new Set<string>()];
    for (const stream of await this.#streams(folder)) {
      for (const subject of await this.#subjectsOf(stream, this.#subjects.within(folder))) {
        const { kind, name } = this.#subjects.parse(subject) ?? { name: [] };
        // A folder of nothing but pieces is one too: who removes it removes them.
        if (name.length > depth + 1) folders.add(name[depth]);
        else if (name.length > depth && kind === "head") names.add(name[depth]);
      }
    }
    const within = (name: string) => folder === "" ? name : `${folder}/${name}`;
    const found = await Promise.all(
      [...names].map((name) => this.#flow.run(() => this.find(within(name)))),
    );
    const entries: Entry[] = [...folders].map((name) => ({ name }));
    entries.push(...found.filter((entry) => entry !== undefined));
    return entries.sort((a, b) => a.name < b.name ? -1 : 1);
  }

  async remove(name: string): Promise<void> {
    for (const stream of await this.#streams(name)) {
      const connection = await this.#connected();
      const act = `remove ${this.place}/${name}`;
      await connection.ask(`STREAM.PURGE.${stream}`, {
        act,
        body: { filter: this.#subjects.within(name) },
        accept: [streamNotFound],
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.close();
  }

  async #head(name: string): Promise<Head | undefined> {
    const stream = this.#subjects.stream(name);
    if (stream === undefined) return undefined;
    const act = `read ${this.place}/${name}`;
    const connection = await this.#connected();
    if (!await this.#isThere(connection, stream)) return undefined;
    const message = await connection.last(stream, this.#subjects.head(name), { act });
    if (message === undefined) return undefined;
    const field = (key: string) => message.headers!.get(key);
    const bytes = wholeNumber(field(fields.bytes));
    const sequence = wholeNumber(field("Nats-Sequence")) ?? 0;
    const tag = `${sequence} ${field("Nats-Time-Stamp")}`;
    const content = contentOf(message.data, bytes, field(fields.series));
    return { sequence, bytes: bytes ?? 0, tag, content };
  }

  /** Whether all pieces of a head are there. */
  async #isWhole(name: string, { content }: Head): Promise<boolean> {
    if (content instanceof Uint8Array) return true;
    const filter = this.#subjects.piece(name, content.series, "*");
    const subjects = await this.#subjectsOf(this.#subjects.stream(name)!, filter);
    return subjects.length === content.count;
  }

  /** The content of pieces; undefined if one of them is missing or is not of its size. */
  async #joined(
    name: string,
    bytes: number,
    { series, pieceBytes, count }: Pieces,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const stream = this.#subjects.stream(name)!;
    const act = `read ${this.place}/${name}`;
    const content = new Uint8Array(bytes);
    const connection = await this.#connected();
    let isWhole = true;
    const read = async (i: number) => {
      const subject = this.#subjects.piece(name, series, i);
      const at = i * pieceBytes;
      const answerBytes = Math.min(pieceBytes, bytes - at);
      const message = isWhole && await connection.last(stream, subject, { act, answerBytes });
      if (!message || message.data.length !== answerBytes) isWhole = false;
      else content.set(message.data, at);
    };
    await this.#each(count, read);
    return isWhole ? content : undefined;
  }

  /** Writes pieces and head. Returns false if the head is not to be written, since another came first. */
  async #write(name: string, bytes: Uint8Array<ArrayBuffer>, after?: number): Promise<boolean> {
    const act = `write ${this.place}/${name}`;
    const stream = this.#subjects.stream(name);
    const connection = await this.#connected();
    if (stream === undefined || !await this.#isThere(connection, stream)) {
      throw new UnreachableError(
        `Cannot ${act}: expected a stream ${stream}, found none: the leader makes it`,
      );
    }
    const headers: Record<string, string> = { [fields.bytes]: `${bytes.length}` };
    if (after !== undefined) headers["Nats-Expected-Last-Subject-Sequence"] = `${after}`;
    let body = bytes;
    if (bytes.length > mostHeadBytes) {
      const size = Math.min(pieceBytes, connection.mostBytes - headerBytes);
      const series = `${size}-${sha256(bytes).slice(0, 32)}`;
      const filter = this.#subjects.piece(name, series, "*");
      const there = new Set(await this.#subjectsOf(stream, filter)); // of a try that was cut off
      await this.#each(Math.ceil(bytes.length / size), async (i) => {
        const piece = bytes.subarray(i * size, (i + 1) * size);
        const subject = this.#subjects.piece(name, series, i);
        if (!there.has(subject)) await connection.publish(subject, { act, body: piece });
      });
      headers[fields.series] = series;
      body = new Uint8Array();
    }
    const accept = [wrongLastSequence];
    const subject = this.#subjects.head(name);
    const { error } = await connection.publish(subject, { act, body, headers, accept });
    return error === undefined;
  }

  /** Does something for each number below a count, some at once. */
  async #each(count: number, act: (i: number) => Promise<void>): Promise<void> {
    let failed = false;
    const run = async (i: number) => {
      if (failed) return;
      await act(i).catch((error) => {
        failed = true;
        throw error;
      });
    };
    await Promise.all(Array.from({ length: count }, (_, i) => this.#flow.run(() => run(i))));
  }

  /** Subjects of a stream that have a message. */
  async #subjectsOf(stream: string, filter: string): Promise<string[]> {
    const subjects: string[] = [];
    const connection = await this.#connected();
    if (!await this.#isThere(connection, stream)) return subjects;
    for (;;) {
      const body = { subjects_filter: filter, offset: subjects.length };
      const act = `list ${this.place}`;
      const info = await connection.ask<StreamInfo>(`STREAM.INFO.${stream}`, {
        act,
        body,
        accept: [streamNotFound],
      });
      const page = Object.keys(info.state?.subjects ?? {});
      subjects.push(...page);
      if (page.length === 0 || subjects.length >= info.total) return subjects;
    }
  }

  /** The streams in which the content of a folder lies. */
  async #streams(folder: string): Promise<string[]> {
    const stream = this.#subjects.stream(folder);
    if (stream !== undefined) return [stream];
    const names: string[] = [];
    const connection = await this.#connected();
    for (;;) {
      const body = { subject: this.#subjects.within(folder), offset: names.length };
      const { streams, total } = await connection.ask<
        JetStreamAnswer & { readonly streams: readonly string[] | null; readonly total: number }
      >("STREAM.NAMES", { act: `list ${this.place}`, body });
      names.push(...streams ?? []);
      if (!streams?.length || names.length >= total) return names;
    }
  }

  /** Whether a stream is there, made now if it has to be. */
  async #isThere(connection: NatsConnection, stream: string): Promise<boolean> {
    const known = connection.streams.get(stream) ?? this.#look(connection, stream);
    connection.streams.set(stream, known);
    const isThere = await known.catch((error) => {
      connection.streams.delete(stream);
      throw error;
    });
    if (!isThere) connection.streams.delete(stream); // somebody may make it
    return isThere;
  }

  async #look(connection: NatsConnection, stream: string): Promise<boolean> {
    const accept = [streamNotFound, streamIsAnother];
    const act = `look for stream ${stream} of ${this.place}`;
    const { error } = await connection.ask(`STREAM.INFO.${stream}`, { act, accept });
    if (error === undefined) return true;
    if (!this.#mayMakeStreams) return false;
    try {
      for (const name of [...this.#subjects.madeBefore(stream), stream]) {
        const body = this.#configuration(name);
        await connection.ask(`STREAM.CREATE.${name}`, { act: `make ${name}`, body, accept });
      }
      return true;
    } catch (error) {
      if (!(error instanceof NatsError)) throw error;
      this.#mayMakeStreams = false;
      return false;
    }
  }

  #configuration(stream: string) {
    return {
      name: stream,
      subjects: [this.#subjects.ofStream(stream)],
      storage: "file",
      retention: "limits",
      discard: "old",
      // Not 1: nats-server 2.9.10 then loses the last message of a subject that had others before, if it is killed.
      max_msgs_per_subject: -1,
      max_msgs: -1,
      max_bytes: -1,
      max_age: 0,
      max_consumers: -1,
      num_replicas: 1,
      allow_direct: true,
    };
  }

  /** The connection, or another one where it has ended. */
  async #connected(): Promise<NatsConnection> {
    const current = await this.#connection?.catch(() => undefined);
    if (current?.isOpen) return current;
    if (this.#isClosed) throw new UnreachableError(`Cannot reach ${this.place}: it was closed`);
    // Of several who come here at once, one opens it.
    if (this.#opening === undefined) {
      this.#opening = NatsConnection.open(
        this.place,
        this.#subjects.prefix,
        this.#access,
        this.#silenceMs,
      );
      this.#connection = this.#opening;
      this.#opening.catch(() => {}).finally(() => this.#opening = undefined);
    }
    return await this.#opening;
  }

  #opening: Promise<NatsConnection> | undefined;
}

/** What a head holds. One that nobody of us wrote holds nothing that can be read: pieces that are not there. */
function contentOf(
  data: Uint8Array,
  bytes: number | undefined,
  series: string,
): Uint8Array<ArrayBuffer> | Pieces {
  if (data.length === bytes && series === "") return new Uint8Array(data);
  const size = wholeNumber(/^(\d+)-[0-9a-f]{32}$/.exec(series)?.[1] ?? "") ?? 0;
  const isOurs = bytes !== undefined && size >= leastPieceBytes;
  if (!isOurs) return { series: "none", pieceBytes: leastPieceBytes, count: 1 };
  return { series, pieceBytes: size, count: Math.ceil(bytes / size) };
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
