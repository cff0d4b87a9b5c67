/**
 * An input that tells how much of it is read, for progress.
 */
import type { Input } from "../input.ts";

/** The same bytes as `input`, which stays the caller's to close. @param onRead is given the bytes of each random-access read. */
export function countedInput(input: Input, onRead: (bytes: number) => void): Input {
  return {
    name: input.name,
    size: input.size,
    stream: (from) => input.stream(from),
    read: (offset, length) => {
      onRead(length);
      return input.read(offset, length);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
