import assert from "node:assert/strict";
import { join } from "node:path";
import { longFiles } from "./long_files.ts";
import { projectRoot } from "./paths.ts";
import { testTimes } from "./room_times.ts";
import { closingLines, joinReports, testFiles, type TestRun } from "./run_tests.ts";

function run(file: string, text: string, isOk: boolean): TestRun {
  return { file, text, isOk, report: "" };
}

Deno.test("testFiles() finds each test once, those that take longest first", () => {
  const [model, user] = ["model", "user"].map((room) => join(projectRoot, "tests", room));
  const file = join(model, "config_test.ts");
  const found = testFiles([model, file, user]);
  assert.equal(found.filter((path) => path === file).length, 1);
  assert.ok(found.every((path) => path.endsWith("_test.ts")));
  assert.equal(found[0], join(user, "sample_test.ts"));
});

Deno.test("longFiles has test files that are there, the longest first", () => {
  const files = Object.keys(longFiles).map((file) => join(projectRoot, "tests", file));
  assert.deepEqual(testFiles(files), files); // a file that is not there is an error
});

Deno.test("closingLines() sums what the files say, and counts a file that says nothing as a failure", () => {
  const runs = [
    run(
      "a_test.ts",
      "ok | this is printed by a test\n\x1b[0m\x1b[32mok\x1b[0m | 2 passed (3 steps) | 0 failed (1s)\n",
      true,
    ),
    run(
      "b_test.ts",
      "FAILED | 4 passed | 1 failed (2 steps) | 5 ignored (2s)\n\nerror: Test failed",
      false,
    ),
  ];
  assert.deepEqual(closingLines(runs, 61.4), [
    "FAILED: deno test -A --no-check b_test.ts",
    "FAILED | 6 passed | 1 failed | 5 ignored (61s)", // 2 + 4, 0 + 1, 0 + 5
  ]);
  const dead = run("c_test.ts", "error: Module not found", false);
  assert.equal(
    closingLines([runs[0], dead], 1).at(-1),
    "FAILED | 2 passed | 1 failed | 0 ignored (1s)",
  );
  assert.deepEqual(closingLines([runs[0]], 1), ["ok | 2 passed | 0 failed | 0 ignored (1s)"]);
});

Deno.test("joinReports() has the tests of all reports, and of none where a process wrote nothing", () => {
  const report = (file: string) =>
    `<?xml version="1.0"?>\n<testsuites name="deno test" tests="1">\n  <testsuite name="./tests/${file}">\n` +
    `    <testcase name="one" classname="x" time="1.5" line="1" col="6"></testcase>\n  </testsuite>\n</testsuites>`;
  const joined = joinReports([report("a/b_test.ts"), "", report("c/d_test.ts")]);
  assert.deepEqual(testTimes(joined).map(({ file }) => file), ["a/b_test.ts", "c/d_test.ts"]);
});
