/**
 * A server on this machine with the layout of a hub, which misbehaves when told to.
 *
 * It speaks HTTP over plain sockets: a library would not let a length be wrong or a body be cut.
 */
import { createHash } from "node:crypto";

/** What a file's next answers are; each is used up once. */
export interface Fault {
  /** Answer with this status and nothing else. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Close the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Add this to the length that the header states. */
  readonly lengthOff?: number;
  /** Add this to the place that a range begins at, in the header and the body. */
  readonly rangeOff?: number;
  /** Wait before the body goes on after its first byte. */
  readonly stallMs?: number;
  /** State this ETag and serve these bytes from now on. */
  readonly becomes?: Uint8Array;
  /** Ignore the range. */
  readonly whole?: true;
  /** Leave the request without an answer. */
  readonly silent?: true;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface HubFile {
  bytes: Uint8Array;
  /** Has no ETag and no Last-Modified. */
  readonly noValidator?: boolean;
}

export class HubServer implements AsyncDisposable {
  readonly url: string;
  /** Every request, in order. */
  readonly requests: Request[] = [];
  /** Files by path from the root: `/datasets/o/n/resolve/main/a.jsonl`. */
  readonly files = new Map<string, HubFile>();
  /** Paths that are answered by a redirect. */
  readonly redirects = new Map<string, string>();
  /** Whole answers by path and query, with headers. */
  readonly pages = new Map<
    string,
    { readonly body: string; readonly headers?: Record<string, string> }
  >();
  readonly #faults = new Map<string, Fault[]>();
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();
  /** Bodies being sent at this moment, and the most there ever were. */
  active = 0;
  mostActive = 0;

  constructor() {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.url = `http://127.0.0.1:${this.#listener.addr.port}`;
    this.#serve();
  }

  /** Puts files of a data set where the hub has them, and lists them in pages of `pageSize`. */
  addDataset(
    name: string,
    files: Readonly<Record<string, Uint8Array>>,
    { revision = "main", folder = "", pageSize = 1000 } = {},
  ): void {
    const paths = Object.keys(files).sort();
    for (const path of paths) {
      this.files.set(`/datasets/${name}/resolve/${revision}/${path}`, { bytes: files[path] });
    }
    const tree = `/api/datasets/${name}/tree/${revision}${folder && `/${folder}`}`;
    const listed = paths.filter((path) => path.startsWith(folder)).map((path) => ({
      type: "file",
      oid: "0".repeat(40),
      path,
      size: files[path].length,
      lfs: { oid: sha256(files[path]), size: files[path].length, pointerSize: 134 },
    }));
    for (let at = 0; at === 0 || at < listed.length; at += pageSize) {
      const query = at === 0 ? "?recursive=true" : `?recursive=true&cursor=${at}`;
      const next = at + pageSize < listed.length
        // As a mirror does: the address of the hub that it mirrors.
        ? {
          link: `<https://hub.invalid${tree}?recursive=true&cursor=${at + pageSize}>; rel="next"`,
        }
        : undefined;
      this.pages.set(tree + query, {
        body: JSON.stringify(listed.slice(at, at + pageSize)),
        headers: next,
      });
    }
  }

  /** The next answers to a path misbehave so, in this order; what follows is well. */
  misbehave(path: string, ...faults: readonly Fault[]): void {
    this.#faults.set(path, [...this.#faults.get(path) ?? [], ...faults]);
  }

  requestsOf(path: string): Request[] {
    return this.requests.filter((request) => request.path.split("?")[0] === path);
  }

  // deno-lint-ignore require-await
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
  }

  async #serve(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.#connections.add(connection);
        this.#answer(connection).catch(() => {}).finally(() => {
          this.#connections.delete(connection);
          close(connection);
        });
      }
    } catch { /* closed */ }
  }

  async #answer(connection: Deno.TcpConn): Promise<void> {
    const request = await readRequest(connection);
    if (request === undefined) return;
    this.requests.push(request);
    const path = request.path.split("?")[0];
    const page = this.pages.get(request.path);
    const fault = this.#faults.get(path)?.shift() ?? {};
    if (fault.silent) return await new Promise((resolve) => setTimeout(resolve, 60_000));
    if (fault.status !== undefined) {
      return await send(connection, fault.status, { "content-length": "0", ...fault.headers });
    }
    const redirect = this.redirects.get(path);
    if (redirect !== undefined) {
      return await send(connection, 302, { location: redirect, "content-length": "0" });
    }
    if (page !== undefined) {
      const body = new TextEncoder().encode(page.body);
      const headers = { "content-length": `${body.length}`, ...page.headers };
      return await send(connection, 200, headers, body);
    }
    const file = this.files.get(path);
    if (file === undefined) return await send(connection, 404, { "content-length": "0" });
    if (fault.becomes !== undefined) file.bytes = fault.becomes;
    this.active++;
    this.mostActive = Math.max(this.mostActive, this.active);
    try {
      await sendFile(connection, request, file, fault);
    } finally {
      this.active--;
    }
  }
}

async function sendFile(
  connection: Deno.TcpConn,
  { headers }: Request,
  { bytes, noValidator }: HubFile,
  fault: Fault,
): Promise<void> {
  const etag = `"${sha256(bytes).slice(0, 32)}"`;
  const asked = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "");
  const isCurrent = headers["if-range"] === undefined || headers["if-range"] === etag;
  const common: Record<string, string> = noValidator ? {} : { etag };
  if (asked === null || fault.whole || !isCurrent) {
    const length = bytes.length + (fault.lengthOff ?? 0);
    return await send(connection, 200, { ...common, "content-length": `${length}` }, bytes, fault);
  }
  const start = Number(asked[1]) + (fault.rangeOff ?? 0);
  if (start >= bytes.length) {
    return await send(connection, 416, {
      ...common,
      "content-range": `bytes */${bytes.length}`,
      "content-length": "0",
    });
  }
  const end = Math.min(asked[2] === "" ? bytes.length : Number(asked[2]) + 1, bytes.length);
  const body = bytes.subarray(start, end);
  await send(
    connection,
    206,
    {
      ...common,
      "content-range": `bytes ${start}-${end - 1}/${bytes.length}`,
      "content-length": `${body.length + (fault.lengthOff ?? 0)}`,
    },
    body,
    fault,
  );
}

async function send(
  connection: Deno.TcpConn,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array = new Uint8Array(),
  { cutAfter, stallMs }: Fault = {},
): Promise<void> {
  const lines = Object.entries({ ...headers, connection: "close" }).map(([k, v]) =>
    `${k}: ${v}\r\n`
  );
  await write(
    connection,
    new TextEncoder().encode(`HTTP/1.1 ${status} x\r\n${lines.join("")}\r\n`),
  );
  if (stallMs !== undefined) {
    await write(connection, body.subarray(0, 1));
    await new Promise((resolve) => setTimeout(resolve, stallMs));
    await write(connection, body.subarray(1));
  } else await write(connection, body.subarray(0, cutAfter ?? body.length));
}

async function write(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function readRequest(connection: Deno.TcpConn): Promise<Request | undefined> {
  let text = "";
  const buffer = new Uint8Array(4096);
  while (!text.includes("\r\n\r\n")) {
    const read = await connection.read(buffer);
    if (read === null) return undefined;
    text += new TextDecoder().decode(buffer.subarray(0, read));
  }
  const [first, ...lines] = text.split("\r\n\r\n")[0].split("\r\n");
  const [method, path] = first.split(" ");
  const headers = Object.fromEntries(lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
  }));
  return { method, path, headers };
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch { /* it is closed */ }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
