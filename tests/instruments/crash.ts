/**
 * Kills runs and compares what they end with: `deno task instruments crash [--kills N] [--seed N] [--recipe FILE]`.
 *
 * Two ways. At write points: an undisturbed run is traced (`pipeline/faults.ts`), then for every point that it reached a
 * run is killed just there. At random moments: a run is killed some milliseconds after its start, the runner or a child, as
 * often as a plan says. Either way the same command is then run to its end, and every byte of every object and every manifest's
 * outputs must be those of an undisturbed run.
 */
import { createHash } from "node:crypto";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { formatDuration, Random, seedOf } from "../../base/mod.ts";
import { wholeNumber } from "../../commands/option_values.ts";

/** What is run, again and again. */
interface CrashTarget {
  /** The arguments of `deno run -A --quiet`: module, command, options. */
  arguments(store: string): readonly string[];
}

/** A moment to kill at. */
export type Kill =
  /** `runner:mid-write:3`, see `pipeline/faults.ts`. */
  | { readonly at: "point"; readonly fault: string }
  | { readonly at: "time"; readonly afterMs: number; readonly victim: "runner" | "child" };

/** The bytes of every object by path, and the outputs of every manifest by key: what runs must agree on. */
type FinalBytes = Readonly<Record<string, string>>;

export interface PlainRun {
  readonly bytes: FinalBytes;
  readonly durationMs: number;
  /** How often each process reached each point: `runner:mid-write`. */
  readonly points: ReadonlyMap<string, number>;
}

/** Runs undisturbed in a store of its own below `folder`. @throws Error when the run fails. */
export async function plainRun(target: CrashTarget, folder: string): Promise<PlainRun> {
  const [store, trace] = [join(folder, "plain"), join(folder, "trace")];
  const startedAt = performance.now();
  await runToEnd(target, store, { DEPT_FAULT_TRACE: trace });
  const durationMs = performance.now() - startedAt;
  const points = new Map<string, number>();
  for (const line of Deno.readTextFileSync(trace).trim().split("\n")) {
    points.set(line, (points.get(line) ?? 0) + 1);
  }
  return { bytes: finalBytes(store), durationMs, points };
}

/** Every write point of a plain run, as faults. */
export function faultsOf({ points }: PlainRun): string[] {
  return [...points].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([point, count]) =>
    Array.from({ length: count }, (_, i) => `${point}:${i + 1}`)
  );
}

/**
 * Runs in a new store, killed as `kills` says one after another, then to the end.
 * @returns how many of the kills hit: a run may end before.
 * @throws Error naming what differs from the plain run, or is left over.
 */
export async function survive(
  target: CrashTarget,
  plain: PlainRun,
  folder: string,
  kills: readonly Kill[],
): Promise<number> {
  const store = join(folder, `killed-${crypto.randomUUID()}`);
  let hits = 0;
  try {
    for (const kill of kills) if (await runAndKill(target, store, kill)) hits++;
    await runToEnd(target, store, {});
    const found = finalBytes(store);
    const names = new Set([...Object.keys(plain.bytes), ...Object.keys(found)]);
    const different = [...names].filter((name) => plain.bytes[name] !== found[name]);
    const left = leftovers(store);
    if (different.length > 0 || left.length > 0) {
      throw new Error(
        `After ${
          JSON.stringify(kills)
        }: expected the bytes of an undisturbed run, found others at ` +
          `[${different.join(", ")}], and left over [${left.join(", ")}]`,
      );
    }
    return hits;
  } finally {
    await Deno.remove(store, { recursive: true }).catch(() => {});
  }
}

async function runToEnd(
  target: CrashTarget,
  store: string,
  env: Record<string, string>,
): Promise<void> {
  const { code, stdout, stderr } = await command(target, store, env).output();
  if (code === 0) return;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  throw new Error(`The run ended with code ${code}:\n${text(stdout).slice(-2000)}${text(stderr)}`);
}

/** Starts a run and ends it as asked. Returns whether it was ended. */
async function runAndKill(target: CrashTarget, store: string, kill: Kill): Promise<boolean> {
  const process = command(target, store, kill.at === "point" ? { DEPT_FAULT: kill.fault } : {})
    .spawn();
  let text = "";
  const read = (async () => {
    const decoder = new TextDecoder();
    for await (const part of process.stdout) text += decoder.decode(part, { stream: true });
  })();
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (kill.at === "time") {
    timer = setTimeout(() => {
      const started = text.split("\n").slice(0, -1).map((line) => JSON.parse(line))
        .findLast((event) => event.type === "started");
      const pid = kill.victim === "child" ? started?.pid ?? process.pid : process.pid;
      try {
        Deno.kill(pid, "SIGKILL");
      } catch { /* it has ended */ }
    }, kill.afterMs);
  }
  const [status] = await Promise.all([
    process.status,
    read,
    new Response(process.stderr).arrayBuffer(),
  ]);
  clearTimeout(timer);
  return status.code !== 0;
}

function command(
  target: CrashTarget,
  store: string,
  env: Record<string, string>,
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", ...target.arguments(store), "--json"],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** What two stores must agree on. */
export function finalBytes(store: string): FinalBytes {
  const bytes: Record<string, string> = {};
  for (const path of filesUnder(join(store, "objects"))) {
    bytes[relative(store, path)] = createHash("sha256").update(Deno.readFileSync(path)).digest(
      "hex",
    );
  }
  for (const path of filesUnder(join(store, "manifests"))) {
    const { key, record, outputs, summary } = JSON.parse(Deno.readTextFileSync(path));
    bytes[`manifest ${key}`] = JSON.stringify({ record, outputs, summary });
  }
  return bytes;
}

/** What a finished run must not leave: temporary files, checkpoints, a journal. */
function leftovers(store: string): string[] {
  return [...filesUnder(store)].map((path) => relative(store, path)).filter((path) =>
    /^(tmp|checkpoints)\/|^gc\.json$|^(objects|manifests)\/.*\.tmp$/.test(path)
  );
}

function* filesUnder(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesUnder(join(folder, name));
    else yield join(folder, name);
  }
}

/**
 * Kills at random moments of the time that a plain run takes, most of them in its first quarter: a run goes on from where the
 * one before was killed. Of the runner twice as often as of a child.
 */
function randomKills(random: Random, count: number, { durationMs }: PlainRun): Kill[] {
  return Array.from({ length: count }, () => ({
    at: "time",
    afterMs: Math.round(random.float64() * durationMs / (random.below(4) === 0 ? 1 : 4)),
    victim: random.below(3) === 0 ? "child" : "runner",
  }));
}

/** The toy pipeline of the tests: three instances that write checkpoints, in half a second. */
export const toyTarget: CrashTarget = {
  arguments: (store) => [
    fileURLToPath(import.meta.resolve("../support/toy_stages/main.ts")),
    ...["run", "--recipe", "toy", "--store", store],
    ...["--set", "sources=[a]", "--set", "rules=[left]", "--set", "steps=6"],
  ],
};

/** The stages of the project on a recipe. */
function recipeTarget(recipe: string): CrashTarget {
  const main = fileURLToPath(import.meta.resolve("../../commands/main.ts"));
  return { arguments: (store) => [main, "run", "--recipe", recipe, "--store", store] };
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: "string", default: "200" },
      seed: { type: "string", default: "1" },
      recipe: {
        type: "string",
        default: fileURLToPath(import.meta.resolve("../support/recipes/tiny.yaml")),
      },
    },
  });
  const wanted = wholeNumber("--kills", values.kills, 1);
  const random = new Random(seedOf(wholeNumber("--seed", values.seed, 0), "bench/crash"));
  const elapsed = () => formatDuration(performance.now());
  const folder = Deno.makeTempDirSync({ prefix: "dept-crash-" });
  try {
    const plain = await plainRun(toyTarget, folder);
    const faults = faultsOf(plain);
    let hits = 0;
    for (const [i, fault] of faults.entries()) {
      hits += await survive(toyTarget, plain, folder, [{ at: "point", fault }]);
      if ((i + 1) % 25 === 0) console.log(`write points: ${i + 1}/${faults.length}, ${elapsed()}`);
    }
    console.log(
      `write points: ${faults.length} places to kill at, ${hits} hit; all ended with the same bytes`,
    );
    await Deno.remove(folder, { recursive: true });
    Deno.mkdirSync(folder);
    const target = recipeTarget(values.recipe);
    const real = await plainRun(target, folder);
    let [randomHits, stores] = [0, 0];
    while (randomHits < wanted) {
      const kills = randomKills(random, 1 + random.below(12), real);
      randomHits += await survive(target, real, folder, kills);
      stores++;
      console.log(`random moments: ${randomHits}/${values.kills} kills, ${elapsed()}`);
    }
    console.log(
      `random moments of ${
        values.recipe.split("/").at(-1)
      }: ${randomHits} kills (seed ${values.seed}) in ` +
        `${stores} stores; all ended with the same bytes (${elapsed()})`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}
