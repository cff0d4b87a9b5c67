/**
 * Whole files read into memory: plain ones of a bounded size, and text that is UTF-8. Errors say only what was found; the caller
 * says what was expected, and where.
 */
import { formatBytes } from "./units.ts";

/** The bytes of a plain file. @throws Error whose message is what was found instead: `a pipe or device` */
export function readWholeFile(path: string, mostBytes: number): Uint8Array<ArrayBuffer> {
  try {
    const { isFile, isDirectory, size } = Deno.statSync(path);
    if (!isFile) throw new Error(isDirectory ? "a folder" : "a pipe or device");
    if (size > mostBytes) {
      throw new Error(`${formatBytes(size)}, more than ${formatBytes(mostBytes)}`);
    }
    return Deno.readFileSync(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new Error("nothing there", { cause });
  }
}

/** The text of UTF-8, without a byte order mark. @throws Error whose message is what was found instead: `UTF-16` */
export function textOfFile(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  // Text that begins with an ASCII character has a zero beside it in UTF-16.
  if (hasMark || first === 0 || second === 0) throw new Error("UTF-16; save it as UTF-8");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error("bytes that are not UTF-8", { cause });
  }
}
