/**
 * Numbers of JSON stay what they are written as.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { JsonNumber } from "../../datasets/mod.ts";
import { parseExactly } from "../../datasets/readers/json_number.ts";

Deno.test("parseExactly() keeps numbers that a double would change as they are written", () => {
  const kept = [
    "9007199254740993",
    "12345678901234567890",
    "-12345678901234567890123",
    "9007199254740993.0",
    "1e400",
    "-1E400",
    "1e-400",
    "3e-324", // the least double is 5e-324
    "-0",
    "-0.0",
    "0.1234567890123456789",
  ];
  for (const text of kept) {
    strictEqual(String(parseExactly(text)), text);
    strictEqual(parseExactly(text) instanceof JsonNumber, true, text);
    const row = `{"a":{"b":[0,${text},"x"]},"c":1.5}`;
    strictEqual(JSON.stringify(parseExactly(row)), row);
  }
});

Deno.test("parseExactly() gives the number where a double is equal to it, however it is written", () => {
  const numbers = {
    "0": 0,
    "0.0": 0,
    "0e-400": 0,
    "1.50": 1.5,
    "100000000000000000000": 1e20,
    "1E22": 1e22,
    "1.7976931348623157e308": Number.MAX_VALUE,
    "5e-324": Number.MIN_VALUE,
    "9007199254740991": Number.MAX_SAFE_INTEGER,
    "0.30000000000000004": 0.1 + 0.2,
  };
  for (const [text, number] of Object.entries(numbers)) {
    strictEqual(parseExactly(text), number, text);
    deepStrictEqual(parseExactly(`[{"a":${text}}]`), [{ a: number }], text);
  }
});
