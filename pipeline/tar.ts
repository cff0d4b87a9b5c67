/**
 * Tar archives as streams: POSIX ustar, with pax records for long paths and large files.
 *
 * Archives have no times, owners or modes of this machine: the same entries give the same bytes.
 *
 * Source: IEEE Std 1003.1-2017, pax Interchange Format and ustar Interchange Format.
 */

import { formatBytes } from "../base/mod.ts";

export interface TarEntry {
  readonly path: string;
  readonly bytes: number;
  /** Exactly `bytes` bytes. They are read, or left, before the next entry is taken. */
  readonly content: AsyncIterable<Uint8Array>;
}

const blockBytes = 512;
/** ustar has 11 octal digits for a size. */
const largestUstarSize = 8 ** 11 - 1;

/** The bytes of an archive. @throws Error when an entry's content is not as long as it says. */
export async function* writeTar(
  entries: AsyncIterable<TarEntry> | Iterable<TarEntry>,
): AsyncGenerator<Uint8Array> {
  for await (const { path, bytes, content } of entries) {
    const name = ustarName(path);
    if (name === undefined || bytes > largestUstarSize) {
      const records = paxRecord("path", path) + paxRecord("size", String(bytes));
      const data = new TextEncoder().encode(records);
      yield header({ name: "pax", prefix: "" }, data.length, "x");
      yield padded(data);
    }
    yield header(name ?? { name: "long", prefix: "" }, Math.min(bytes, largestUstarSize), "0");
    let left = bytes;
    for await (const part of content) {
      left -= part.length;
      if (left < 0) break;
      yield part;
    }
    if (left !== 0) {
      throw new Error(
        `Cannot archive "${path}": expected ${bytes} bytes, found ${
          left < 0 ? "more" : bytes - left
        }`,
      );
    }
    if (bytes % blockBytes !== 0) yield new Uint8Array(blockBytes - bytes % blockBytes);
  }
  yield new Uint8Array(2 * blockBytes);
}

/**
 * The files of an archive, one after another.
 * @throws SyntaxError for what is no tar archive, is cut off, or holds anything but files and folders.
 */
export async function* readTar(stream: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const source = new ByteSource(stream);
  let pax = new Map<string, string>();
  for (;;) {
    const block = await source.exactly(blockBytes);
    if (block.every((byte) => byte === 0)) return;
    checkHeader(block);
    const type = String.fromCharCode(block[156]);
    const prefix = text(block.subarray(345, 500));
    const name = text(block.subarray(0, 100));
    const path = pax.get("path") ?? (prefix === "" ? name : `${prefix}/${name}`);
    const bytes = sizeOf(pax.get("size"), block.subarray(124, 136), path);
    if (type === "x" || type === "g") {
      if (bytes > mostPaxBytes) throw notTar(`a header of ${formatBytes(bytes)} at "${path}"`);
      const records = await source.exactly(bytes);
      await source.skip(padding(bytes));
      if (type === "x") pax = parsePax(records);
      continue;
    }
    pax = new Map();
    if (type === "5") continue;
    if (type !== "0" && type !== "\0") throw notTar(`an entry of type "${type}" at "${path}"`);
    const left = { bytes };
    yield { path, bytes, content: source.upTo(left) };
    await source.skip(left.bytes + padding(bytes));
  }
}

/** A pax header holds a path and a size: a hundredth of this. */
const mostPaxBytes = 1 << 20;

/** The size of an entry: in decimal digits of a pax record, else in octal digits of the header. */
function sizeOf(pax: string | undefined, field: Uint8Array, path: string): number {
  const digits = pax ?? text(field).trim();
  const bytes = pax === undefined ? parseInt(digits, 8) : Number(digits);
  const isSize = (pax === undefined ? /^[0-7]+$/ : /^[0-9]+$/).test(digits);
  if (isSize && Number.isSafeInteger(bytes)) return bytes;
  throw notTar(`a size of "${digits}" at "${path}"`);
}

/** A stream of bytes, taken in pieces of chosen length. */
class ByteSource {
  readonly #parts: AsyncIterator<Uint8Array>;
  #part: Uint8Array = new Uint8Array(0);

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#parts = stream[Symbol.asyncIterator]();
  }

  async exactly(bytes: number): Promise<Uint8Array> {
    const whole = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) {
      const part = await this.#take(bytes - at);
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  async skip(bytes: number): Promise<void> {
    while (bytes > 0) bytes -= (await this.#take(bytes)).length;
  }

  async *upTo(left: { bytes: number }): AsyncGenerator<Uint8Array> {
    while (left.bytes > 0) {
      const part = await this.#take(left.bytes);
      left.bytes -= part.length;
      yield part;
    }
  }

  async #take(most: number): Promise<Uint8Array> {
    while (this.#part.length === 0) {
      const { value, done } = await this.#parts.next();
      if (done) throw new SyntaxError("Cannot read the archive: expected more, found its end");
      this.#part = value;
    }
    const taken = this.#part.subarray(0, most);
    this.#part = this.#part.subarray(taken.length);
    return taken;
  }
}

/** A path in a header's two fields, split at a slash; undefined where it does not fit. */
function ustarName(path: string): { name: string; prefix: string } | undefined {
  if (!/^[\x20-\x7e]*$/.test(path)) return undefined;
  if (path.length <= 100) return { name: path, prefix: "" };
  const at = path.lastIndexOf("/", 155);
  if (at <= 0 || path.length - at - 1 > 100) return undefined;
  return { name: path.slice(at + 1), prefix: path.slice(0, at) };
}

function header(
  { name, prefix }: { name: string; prefix: string },
  bytes: number,
  type: string,
): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const put = (at: number, value: string) => block.set(new TextEncoder().encode(value), at);
  const octals = (value: number, digits: number) => value.toString(8).padStart(digits, "0") + "\0";
  put(0, name);
  put(100, octals(0o644, 7));
  put(108, octals(0, 7));
  put(116, octals(0, 7));
  put(124, octals(bytes, 11));
  put(136, octals(0, 11));
  put(148, " ".repeat(8));
  put(156, type);
  put(257, "ustar\0" + "00");
  put(345, prefix);
  put(148, octals(checksum(block), 6) + " ");
  return block;
}

function checkHeader(block: Uint8Array): void {
  const stated = octal(block.subarray(148, 156));
  const blanked = block.slice();
  blanked.fill(0x20, 148, 156);
  if (stated !== checksum(blanked)) throw notTar("a header whose checksum is wrong");
}

function checksum(block: Uint8Array): number {
  return block.reduce((sum, byte) => sum + byte, 0);
}

/** `<length> key=value\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const restBytes = new TextEncoder().encode(rest).length;
  let length = restBytes + 1;
  while (String(length).length + restBytes !== length) length++;
  return `${length}${rest}`;
}

function parsePax(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const digits = text(bytes.subarray(at, Math.max(space, at)));
    const end = at + Number(digits);
    const record = new TextDecoder().decode(bytes.subarray(space + 1, end - 1));
    const isWhole = /^[0-9]+$/.test(digits) && space + 1 < end && end <= bytes.length &&
      bytes[end - 1] === 0x0a && record.includes("=");
    if (!isWhole) throw notTar("a broken pax record");
    const [key, ...value] = record.split("=");
    records.set(key, value.join("="));
    at = end;
  }
  return records;
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(bytes.length + padding(bytes.length));
  whole.set(bytes);
  return whole;
}

function padding(bytes: number): number {
  return (blockBytes - bytes % blockBytes) % blockBytes;
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function octal(bytes: Uint8Array): number {
  return parseInt(text(bytes).trim(), 8);
}

function notTar(found: string): SyntaxError {
  return new SyntaxError(`Cannot read the archive: expected a tar file, found ${found}`);
}
