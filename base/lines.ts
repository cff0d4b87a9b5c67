/**
 * Streams of lines, as processes write them to each other.
 */

/** The lines of a stream of UTF-8, without their ends; a last line needs none. */
export async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const rest = yield* wholeLines(stream);
  if (rest !== "") yield rest;
}

/** Those lines that have an end: who wrote the last one may have been killed meanwhile. Returns what is after them. */
export async function* wholeLines(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string, string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    const parts = (text + decoder.decode(bytes, { stream: true })).split("\n");
    text = parts.pop()!;
    yield* parts;
  }
  return text;
}
