import assert from "node:assert/strict";
import { formatBytes, formatCount, formatDuration } from "../../base/mod.ts";

Deno.test("formatDuration() counts in the unit that people would", () => {
  const [second, hour, year] = [1000, 3_600_000, 365.25 * 24 * 3_600_000];
  const cases = [
    [0.4, "0 ms"],
    [850, "850 ms"],
    [12.34 * second, "12.3 s"],
    [245 * second, "4 min 5 s"],
    [2.2 * hour, "2 h 12 min"],
    [47.99 * hour, "47 h 59 min"],
    [76 * hour, "3 days 4 h"],
    [year, "365 days 6 h"],
    [71.66 * year, "71.7 years"],
    [2 * year, "2 years"],
    [1.5e6 * year, "1.5M years"],
  ] as const;
  for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
});

Deno.test("formatBytes(), formatCount() have a unit for every size that a recipe can ask for", () => {
  assert.equal(formatBytes(1234), "1.2 kB");
  assert.equal(formatBytes(4.2e15), "4.2 PB");
  assert.equal(formatBytes(7e18), "7.0 EB");
  assert.equal(formatCount(7e18), "7.0E");
});
