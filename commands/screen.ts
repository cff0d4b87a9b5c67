/**
 * What commands say to people: the one place where messages, tables and lists leave the program.
 */
import { messageOf, shownText, systemError, writeAll } from "../base/mod.ts";

/** Standard output or standard error cannot be written. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

type Output = typeof Deno.stdout | typeof Deno.stderr;

/** Whether each was a terminal at the first text: one that was closed is none any more. */
const wereTerminals = new Map<Output, boolean>();

/**
 * Prints a text and a line feed on standard output, control characters in it as escapes. If nobody reads any more
 * (`… | head`), nothing happens: the command does what it does.
 *
 * @throws OutputError if it cannot be written
 */
export function print(text: string): void {
  write(Deno.stdout, `${text}\n`);
}

/** The same on standard error. If that cannot be written, there is no place left to say so. */
export function printError(text: string): void {
  try {
    write(Deno.stderr, `${text}\n`);
  } catch { /* see above */ }
}

/** The same on one of both, without a line feed. @returns whether somebody reads */
export function write(to: Output, text: string): boolean {
  return writeRaw(to, shownText(text));
}

/** The same with the control characters that a text has: for text that moves the cursor. */
export function writeRaw(to: Output, text: string): boolean {
  const wasTerminal = wereTerminals.get(to) ?? to.isTerminal();
  wereTerminals.set(to, wasTerminal);
  try {
    writeAll(to, text);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) return false;
    if (wasTerminal && systemError(cause)?.name === "EIO") return false; // it was closed
    const name = to === Deno.stdout ? "standard output" : "standard error";
    const found = systemError(cause)?.found ?? messageOf(cause);
    throw new OutputError(`Cannot write to ${name}: expected room, found ${found}`, { cause });
  }
}
