/**
 * Says how long each room's tests took, and whether that is within the room's budget:
 *
 *     deno task test --junit-path=FILE && deno run -A tests/support/room_times.ts FILE
 *
 * Budgets are for two cores of the slower kind. A machine that is busy with other things takes up to three times as long, so a room
 * above its budget is a warning, and one above three times its budget ends with code 1.
 */
import { longFiles, longSeconds } from "./long_files.ts";

/**
 * Minutes of all tests of a room together; as many files run at once as there are cores, so that a clock shows about half of them.
 * A room that is not named here has `otherMinutes`.
 */
const budgets: Readonly<Record<string, number>> = {
  user: 24,
  pipeline: 8,
  stages: 2.25,
  conformance: 2.5,
  commands: 2.25,
  datasets: 1.25,
  tokenizers: 0.75,
  training: 1.5,
  exchange: 1.25,
  support: 0.75,
  parity: 0.25,
  "(root)": 0.4,
};
const otherMinutes = 0.2;

/** The room of a test file. @param file from the folder of tests */
export function roomOf(file: string): string {
  return file.includes("/") ? file.split("/")[0] : "(root)";
}

function budgetMinutes(room: string): number {
  return budgets[room] ?? otherMinutes;
}

interface TestTime {
  readonly file: string;
  readonly name: string;
  readonly seconds: number;
}

/** Tests of a JUnit report, without their steps: their time is in the test's. */
export function testTimes(report: string): TestTime[] {
  const suites = report.matchAll(
    /<testsuite name="\.?\/?tests\/([^"]*)"[^>]*>(.*?)<\/testsuite>/gs,
  );
  return [...suites].flatMap(([, file, cases]) =>
    [...cases.matchAll(/<testcase name="([^"]*)"[^>]* time="([\d.]+)"/g)]
      .filter(([, name]) => !name.includes(" &gt; "))
      .map(([, name, seconds]) => ({ file, name, seconds: Number(seconds) }))
  );
}

/** Lines for people, and the rooms that took more than three times their budget. */
export function judgeRooms(times: readonly TestTime[]): { lines: string[]; tooSlow: string[] } {
  const seconds = new Map<string, number>();
  for (const time of times) {
    const room = roomOf(time.file);
    seconds.set(room, (seconds.get(room) ?? 0) + time.seconds);
  }
  const lines = ["room          seconds  budget"];
  const tooSlow: string[] = [];
  for (const [room, taken] of [...seconds].sort(([, a], [, b]) => b - a)) {
    const budget = 60 * budgetMinutes(room);
    const verdict = taken > 3 * budget ? "  TOO SLOW" : taken > budget ? "  over its budget" : "";
    if (taken > 3 * budget) tooSlow.push(room);
    const [shown, allowed] = [taken.toFixed(1).padStart(8), String(budget).padStart(7)];
    lines.push(`${room.padEnd(12)} ${shown} ${allowed}${verdict}`);
  }
  lines.push(...startedLate(times));
  lines.push("", "the ten slowest tests");
  for (const time of times.toSorted((a, b) => b.seconds - a.seconds).slice(0, 10)) {
    lines.push(`${time.seconds.toFixed(1).padStart(8)} s  ${time.file}: ${time.name}`);
  }
  return { lines, tooSlow };
}

/** A line for each long file that is not among those that are started first. */
function startedLate(times: readonly TestTime[]): string[] {
  const seconds = new Map<string, number>();
  for (const time of times) seconds.set(time.file, (seconds.get(time.file) ?? 0) + time.seconds);
  return [...seconds].filter(([file, taken]) => taken > longSeconds && !(file in longFiles)).map((
    [file, taken],
  ) => `${taken.toFixed(1).padStart(8)} s  ${file}: expected in tests/support/long_files.ts`);
}

if (import.meta.main) {
  const { lines, tooSlow } = judgeRooms(testTimes(Deno.readTextFileSync(Deno.args[0])));
  console.log(lines.join("\n"));
  if (tooSlow.length > 0) Deno.exitCode = 1;
}
