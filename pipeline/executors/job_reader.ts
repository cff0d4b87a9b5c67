/**
 * The runner's side of what a job tells: reads on in its files where it has read before, also if that was another runner.
 */
import { join } from "node:path";
import { readFully, readTextIfThere } from "../../base/mod.ts";
import { type ChildMessage, decodeLine, isMessage } from "../protocol.ts";
import { type ChildOutcome, isNews } from "./executor.ts";
import { reportNames } from "./job_reports.ts";

/** Where to read on, in bytes of whole lines. */
interface ReadSoFar {
  readonly messages: number;
  readonly output: number;
}

/** What is new. */
interface News {
  readonly messages: readonly ChildMessage[];
  /** Lines. */
  readonly printed: readonly string[];
}

export class JobReader {
  readonly #folder: string;
  #read: ReadSoFar;

  /** @param folder Of an attempt */
  constructor(folder: string) {
    this.#folder = folder;
    this.#read = readSoFar(readTextIfThere(this.#placePath));
  }

  /** What was said and printed since the last call. @param isLast Also a last line without an end */
  news(isLast = false): News {
    const { messages, output } = this.#read;
    const said = linesFrom(this.#reportPath("messages"), messages, false);
    const printed = linesFrom(join(this.#folder, "output"), output, isLast);
    if (said.end > messages || printed.end > output) {
      this.#read = { messages: said.end, output: printed.end };
      Deno.writeTextFileSync(this.#placePath, JSON.stringify(this.#read));
    }
    const found = said.lines.map((line) => decodeLine(line).message);
    return { messages: found.filter((it) => it !== undefined), printed: printed.lines };
  }

  /** How the job went; undefined while that is not known. */
  outcome(): ChildOutcome | undefined {
    const text = readTextIfThere(this.#reportPath("outcome"));
    if (text === undefined) return undefined;
    const outcome: unknown = JSON.parse(text);
    if (isMessage(outcome) && !isNews(outcome)) return outcome;
    throw new SyntaxError(
      `Cannot read "${this.#reportPath("outcome")}": expected how a job went, found something else`,
    );
  }

  /** Changes as long as the job lives. */
  heartbeat(): string | undefined {
    return readTextIfThere(this.#reportPath("heartbeat"));
  }

  get #placePath(): string {
    return join(this.#folder, "read-so-far");
  }

  #reportPath(name: keyof typeof reportNames): string {
    return join(this.#folder, "reports", reportNames[name]);
  }
}

function readSoFar(text: string | undefined): ReadSoFar {
  try {
    const { messages, output } = JSON.parse(text ?? "");
    if (Number.isInteger(messages) && Number.isInteger(output)) return { messages, output };
  } catch { /* from the beginning, then */ }
  return { messages: 0, output: 0 };
}

/** The most that is read at once of what a job prints. */
const mostBytes = 1 << 24;

/** Whole lines of a file from a place on, and where they end. */
function linesFrom(
  path: string,
  start: number,
  isLast: boolean,
): { readonly lines: readonly string[]; readonly end: number } {
  const bytes = bytesFrom(path, start);
  const whole = bytes.lastIndexOf(0x0a) + 1;
  const end = isLast || (whole === 0 && bytes.length === mostBytes) ? bytes.length : whole;
  const lines = new TextDecoder().decode(bytes.subarray(0, end)).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return { lines, end: start + end };
}

function bytesFrom(path: string, start: number): Uint8Array {
  try {
    using file = Deno.openSync(path); // opened again each time: a network file system then shows what is new
    const { size } = file.statSync();
    const bytes = new Uint8Array(Math.max(0, Math.min(size - start, mostBytes)));
    file.seekSync(start, Deno.SeekMode.Start);
    return bytes.subarray(0, readFully(file, bytes));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array(0);
    throw error;
  }
}
