import assert from "node:assert/strict";
import { LastWords } from "../../pipeline/last_words.ts";

function wordsOf(...lines: string[]): string {
  const words = new LastWords();
  for (const line of lines) words.note(line);
  return words.text;
}

Deno.test("LastWords of native code that gave up are its reason, not what follows", () => {
  // As the npm package `tokenizers` ends, shortened.
  assert.equal(
    wordsOf(
      "a line before",
      "thread '<unnamed>' (7) panicked at /build/tokenizers/src/tokenizer/normalizer.rs:373:36:",
      "index out of bounds: the len is 4 but the index is 4",
      "stack backtrace:",
      "thread '<unnamed>' (7) panicked at library/core/src/panicking.rs:225:5:",
      "panic in a function that cannot unwind",
      ...Array.from({ length: 9 }, (_, i) => `   ${i}:     0x7f5c1285f22e - <unknown>`),
      "thread caused non-unwinding panic. aborting.",
    ),
    "thread '<unnamed>' (7) panicked at /build/tokenizers/src/tokenizer/normalizer.rs:373:36:\n" +
      "index out of bounds: the len is 4 but the index is 4",
  );
});

Deno.test("LastWords of any other process are its last five lines", () => {
  assert.equal(wordsOf(), "");
  assert.equal(wordsOf("1", "2", "3", "4", "5", "6"), "2\n3\n4\n5\n6");
});
