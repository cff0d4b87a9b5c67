import assert from "node:assert/strict";
import { shownText } from "../../base/mod.ts";

Deno.test("shownText() shows control characters as escapes, and leaves all other text as it is", () => {
  assert.equal(
    shownText("a\x1b[31mred\x1b]0;title\x07 \r\0\x7f\x9b2J"),
    "a\\u001b[31mred\\u001b]0;title\\u0007 \\u000d\\u0000\\u007f\\u009b2J",
  );
  assert.equal(shownText("abc\u202ecba\u2066"), "abc\\u202ecba\\u2066", "text that turns around");
  const plain = "tab\tline\nblank \u00a0 漢😀é \ud800 \u200f \\u001b";
  assert.equal(shownText(plain), plain);
});

Deno.test("shownText() keeps what JSON means", () => {
  const value = { "\x1b[2J": "\x9b31m\u202e\n\x7f" };
  assert.deepEqual(JSON.parse(shownText(JSON.stringify(value))), value);
});
