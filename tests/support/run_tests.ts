/**
 * Runs test files, as many at once as there are cores:
 *
 *     deno run -A tests/support/run_tests.ts [--junit-path=FILE] [options of deno test, as --filter=TEXT] [files and folders]
 *
 * Each file has a process of its own. Test files change their environment, measure their memory and load native code: threads of
 * one process, as `deno test --parallel` has them, disturb each other there (two that use WebGPU end in a segmentation fault).
 */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { longFiles } from "./long_files.ts";
import { projectRoot } from "./paths.ts";

const testsFolder = join(projectRoot, "tests");

/** What is still at work is named this often: `deno test` says nothing here before it ends. */
const patienceMs = 60_000;

export interface TestRun {
  readonly file: string;
  /** What `deno test` has printed. */
  readonly text: string;
  readonly isOk: boolean;
  /** Its report in JUnit's form; empty if it ended before it wrote one. */
  readonly report: string;
}

/** The files that are named and the test files in folders, those that take longest first. */
export function testFiles(paths: readonly string[]): string[] {
  const files = paths.flatMap((path) => Deno.statSync(path).isFile ? [path] : filesIn(path));
  const seconds = (file: string) => longFiles[relative(testsFolder, resolve(file))] ?? 0;
  return [...new Set(files)].sort().sort((a, b) => seconds(b) - seconds(a));
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return filesIn(path);
    return name.endsWith("_test.ts") ? [path] : [];
  });
}

/** One report of many. */
export function joinReports(reports: readonly string[]): string {
  const suites = reports.flatMap((report) => report.match(/<testsuite .*<\/testsuite>/s) ?? []);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="deno test">\n${
    suites.join("\n")
  }\n</testsuites>\n`;
}

/** How many tests passed, failed and were ignored, in the words of `deno test`, after the names of files that failed. */
export function closingLines(runs: readonly TestRun[], seconds: number): string[] {
  const closings = runs.map(({ text }) =>
    stripVTControlCharacters(text).match(/^(ok|FAILED) \|.*$/gm)?.at(-1) ?? ""
  );
  const sum = (what: string) =>
    closings.map((line) =>
      Number(new RegExp(`(\\d+)(?: \\(\\d+ steps?\\))? ${what}`).exec(line)?.[1] ?? 0)
    )
      .reduce((total, count) => total + count, 0);
  const failed = runs.filter(({ isOk }) => !isOk);
  // A file that does not load, or whose process died, has failed although none of its tests says so.
  const dead = runs.filter(({ isOk }, i) => !isOk && !closings[i].startsWith("FAILED")).length;
  const counts = [["passed", 0], ["failed", dead], ["ignored", 0]] as const;
  return [
    ...failed.map(({ file }) => `FAILED: deno test -A --no-check ${file}`),
    `${failed.length === 0 ? "ok" : "FAILED"} | ${
      counts.map(([what, more]) => `${sum(what) + more} ${what}`).join(" | ")
    } (${Math.round(seconds)}s)`,
  ];
}

/** Runs one file. */
async function runFile(file: string, options: readonly string[], folder: string): Promise<TestRun> {
  const path = join(folder, `${crypto.randomUUID()}.xml`);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", `--junit-path=${path}`, ...options, file],
    stdin: "null",
  }).output();
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  return { file, text, isOk: success, report: existsSync(path) ? Deno.readTextFileSync(path) : "" };
}

async function main(args: readonly string[]): Promise<boolean> {
  const startedAt = performance.now();
  const paths = args.filter((arg) => !arg.startsWith("-"));
  const options = args.filter((arg) => arg.startsWith("-") && !arg.startsWith("--junit-path="));
  const junitPath = args.find((arg) => arg.startsWith("--junit-path="))?.split("=")[1];
  const waiting = testFiles(paths.length === 0 ? [testsFolder] : paths);
  const running = new Set<string>();
  const runs: TestRun[] = [];
  const folder = Deno.makeTempDirSync({ prefix: "dept-test-" });
  const takeFiles = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      running.add(file);
      const run = await runFile(file, options, folder);
      running.delete(file);
      runs.push(run);
      console.log(run.text.trimEnd());
    }
  };
  const reminder = setInterval(
    () => console.log(`at work: ${[...running].join(", ")}`),
    patienceMs,
  );
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, takeFiles));
  clearInterval(reminder);
  Deno.removeSync(folder, { recursive: true });
  if (junitPath !== undefined) {
    Deno.writeTextFileSync(junitPath, joinReports(runs.map(({ report }) => report)));
  }
  console.log(`\n${closingLines(runs, (performance.now() - startedAt) / 1000).join("\n")}`);
  return runs.every(({ isOk }) => isOk);
}

if (import.meta.main) Deno.exit(await main(Deno.args) ? 0 : 1);
