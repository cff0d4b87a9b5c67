import assert from "node:assert/strict";
import { lines, wholeLines } from "../../base/mod.ts";

const cases: readonly [parts: string[], all: string[], whole: string[]][] = [
  [[], [], []],
  [["a\nb\n"], ["a", "b"], ["a", "b"]],
  [["a\n", "b"], ["a", "b"], ["a"]],
  [["a", "b\n\nc", "d"], ["ab", "", "cd"], ["ab", ""]],
];

Deno.test("lines() and wholeLines() give lines wherever the parts of a stream end", async () => {
  for (const [parts, all, whole] of cases) {
    assert.deepEqual(await Array.fromAsync(lines(streamOf(parts))), all);
    assert.deepEqual(await Array.fromAsync(wholeLines(streamOf(parts))), whole);
  }
});

Deno.test("lines() joins the bytes of a character that two parts have", async () => {
  const bytes = new TextEncoder().encode("é\n"); // c3 a9 0a
  const stream = ReadableStream.from([bytes.slice(0, 1), bytes.slice(1)]);
  assert.deepEqual(await Array.fromAsync(lines(stream)), ["é"]);
});

function streamOf(parts: readonly string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(parts.map((part) => new TextEncoder().encode(part)));
}
