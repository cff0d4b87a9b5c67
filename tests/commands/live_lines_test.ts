import assert from "node:assert/strict";
import { cut, LiveLines, rowsOf } from "../../commands/live_lines.ts";

/** Live lines on a terminal of a size that can be changed, and what was written since the last look. */
function terminal(columns: number, rows: number) {
  let text = "";
  const size = { columns, rows };
  const lines = new LiveLines({ size: () => size, write: (more) => text += more });
  const written = () => {
    const before = text;
    text = "";
    return before;
  };
  return { lines, size, written };
}

Deno.test("LiveLines removes all rows that its lines take, also after the terminal was made narrow", () => {
  const { lines, size, written } = terminal(20, 10);
  lines.draw(["a".repeat(30), "b".repeat(9)]);
  assert.equal(written(), `${"a".repeat(19)}\n${"b".repeat(9)}\n`);
  size.columns = 8;
  lines.clear();
  assert.equal(written(), "\x1b[5A\r\x1b[J"); // 19 letters take 3 rows of 8, 9 letters take 2
  lines.clear();
  assert.equal(written(), "");
});

Deno.test("LiveLines shows no more lines than the terminal has room for", () => {
  const { lines, written } = terminal(40, 4);
  lines.draw(["one", "two", "three"]);
  assert.equal(written(), "one\ntwo\nthree\n");
  lines.draw(["one", "two", "three", "four", "five"]);
  assert.equal(written(), "\x1b[3A\r\x1b[Jone\ntwo\n  … and 3 more\n");
});

Deno.test("cut() and rowsOf() count columns: two for East Asian characters and pictures, none for marks", () => {
  assert.equal(cut("documents/中文/train", 13), "documents/中"); // 10 + 2, and no half of the next
  assert.equal(cut("e\u0301e\u0301e\u0301", 2), "e\u0301e\u0301");
  assert.equal(rowsOf("中".repeat(5), 8), 2); // 10 columns
  assert.equal(rowsOf("", 8), 1);
});
