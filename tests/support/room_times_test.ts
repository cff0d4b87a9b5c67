import assert from "node:assert/strict";
import { judgeRooms, testTimes } from "./room_times.ts";

const report = `<testsuites>
  <testsuite name="./tests/engine/a_test.ts" tests="2">
    <testcase name="one" classname="x" time="7.5" line="1" col="6"></testcase>
    <testcase name="one &gt; a step" classname="x" time="7" line="2" col="6"></testcase>
  </testsuite>
  <testsuite name="./tests/engine/b_test.ts" tests="1">
    <testcase name="two" classname="x" time="10" line="1" col="6"></testcase>
  </testsuite>
  <testsuite name="./tests/model/ops/c_test.ts" tests="1">
    <testcase name="three" classname="x" time="40" line="1" col="6"></testcase>
  </testsuite>
</testsuites>`;

Deno.test("judgeRooms() sums tests by room, without their steps, and names rooms above three times their budget", () => {
  const times = testTimes(report);
  assert.deepEqual(times.map(({ name, seconds }) => [name, seconds]), [
    ["one", 7.5],
    ["two", 10],
    ["three", 40],
  ]);
  const { lines, tooSlow } = judgeRooms(times); // both rooms have 12 s
  assert.deepEqual(tooSlow, ["model"]);
  assert.match(lines[1], /^model +40\.0 +12 {2}TOO SLOW$/);
  assert.match(lines[2], /^engine +17\.5 +12 {2}over its budget$/);
  // Of the three files, only that of 40 s is long.
  const late = lines.filter((line) => line.includes("long_files.ts"));
  assert.deepEqual(late, [
    "    40.0 s  model/ops/c_test.ts: expected in tests/support/long_files.ts",
  ]);
});
