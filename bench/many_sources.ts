/**
 * What many sources cost before anything is trained: `deno task bench sources [--counts 25,50,100,400] [--beside DIR] [--json]`.
 *
 * Whole commands over small sources from files, as seconds by the clock and seconds on processors, of all their processes together.
 * With `--beside` another checkout of the project makes the same in turn: a machine that slows down slows both.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { writeSources } from "./many_sources/folder.ts";
import { median } from "./timing.ts";

/** Time of one command. */
interface Spent {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

interface Row {
  readonly sources: number;
  readonly what: string;
  readonly program: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** A checkout of the project, with a store of its own. */
interface Program {
  readonly name: string;
  readonly root: string;
  readonly store: string;
}

const projectRoot = fileURLToPath(new URL("..", import.meta.url));
const recipe = join(projectRoot, "bench/many_sources/recipe.yaml");
const repeats = 3;
/** A stat record younger than two seconds proves nothing. */
const settlingMs = 2500;
/** Clock ticks a second of `/proc`, the same on every Linux. */
const ticks = 100;

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      counts: { type: "string", default: "400" },
      beside: { type: "string" },
      json: { type: "boolean" },
    },
  });
  const rows: Row[] = [];
  for (const count of values.counts.split(",").map(Number)) {
    const folder = Deno.makeTempDirSync({ prefix: "dept-bench-" });
    try {
      for (const row of await measure(folder, count, values.beside)) {
        rows.push(row);
        if (!values.json) console.log(lineOf(row));
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }
  if (values.json) console.log(JSON.stringify({ rows }, null, 2));
}

async function measure(folder: string, count: number, beside?: string): Promise<Row[]> {
  const data = join(folder, "data");
  writeSources(data, count);
  await new Promise((done) => setTimeout(done, settlingMs));
  const programs: Program[] = [
    ...(beside === undefined ? [] : [{ name: beside, root: resolve(beside) }]),
    { name: "this", root: projectRoot },
  ].map((program, i) => ({ ...program, store: join(folder, `store-${i}`) }));
  const rows: Row[] = [];
  const each = async (what: string, times: number, code: number, ...command: string[]) => {
    const spent = new Map(programs.map((program) => [program, [] as Spent[]]));
    for (let i = 0; i < times; i++) {
      for (const program of programs) {
        const args = [...command, "--recipe", recipe, "--set", `data=${data}`];
        spent.get(program)!.push(await timed(program, [...args, "--store", program.store], code));
      }
    }
    for (const [{ name }, all] of spent) {
      rows.push({
        sources: count,
        what,
        program: name,
        seconds: median(all.map(({ seconds }) => seconds)),
        cpuSeconds: median(all.map(({ cpuSeconds }) => cpuSeconds)),
      });
    }
  };
  // One instance makes the store and the bundles.
  await each("run of one instance, first", 1, 0, "run", "documents/source-000/train", "--quiet");
  await each("status, nothing made", repeats, 3, "status");
  await each("run tokenize, 2 jobs", 1, 0, "run", "tokenize", "--jobs", "2", "--quiet");
  await each("status, all before training made", repeats, 3, "status");
  await each("run tokenize, all made", repeats, 0, "run", "tokenize");
  const perSource = rows.filter(({ what }) => what === "run tokenize, 2 jobs").map((row): Row => ({
    ...row,
    what: "run tokenize, a source",
    seconds: row.seconds / count,
    cpuSeconds: row.cpuSeconds / count,
  }));
  return [...rows, ...perSource];
}

/** @throws Error when the command ends with another code. */
async function timed(
  { root }: Program,
  args: readonly string[],
  expected: number,
): Promise<Spent> {
  const [startedAt, before] = [performance.now(), childrenCpuSeconds()];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", join(root, "commands/main.ts"), ...args],
    cwd: root,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const seconds = (performance.now() - startedAt) / 1000;
  if (code !== expected) {
    throw new Error(`Cannot measure: code ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return { seconds, cpuSeconds: childrenCpuSeconds() - before };
}

/** User and system time of all processes that this one has waited for, and of those that they have waited for. */
function childrenCpuSeconds(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // from the third on
  return (Number(fields[13]) + Number(fields[14])) / ticks;
}

function lineOf({ sources, what, program, seconds, cpuSeconds }: Row): string {
  const times = `${seconds.toFixed(2).padStart(7)} s ${cpuSeconds.toFixed(2).padStart(7)} s of CPU`;
  return `${String(sources).padStart(4)} sources  ${what.padEnd(34)} ${times}  ${program}`;
}
