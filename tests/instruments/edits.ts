/**
 * Edits what a run is made of while it runs: `deno task instruments edits [--edits N] [--seed N] [--from N]`.
 *
 * Code, data, recipe and environment of a copy of the project are edited at random moments, in place or by another file, and
 * often put back, with their old times or new ones; some runs are killed. Whatever a store holds then must be what a clean
 * store would give for the same key, also after the run has been made again.
 */
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { formatDuration, Random, removeTree, seedOf } from "../../base/mod.ts";
import type { RunEvent } from "../../pipeline/events.ts";
import { copyProject } from "../support/checkout.ts";
import { eventsFrom } from "../support/run_events.ts";
import { finalBytes } from "./crash.ts";
import { wholeNumber } from "../../commands/option_values.ts";

type Kind = "code" | "data" | "recipe" | "environment";

/** A file and what its text becomes; undefined removes it. */
interface Edit {
  readonly kind: Kind;
  readonly path: string;
  change(text: string): string | undefined;
}

const replaced = (from: string, to: string) => (text: string): string => {
  if (!text.includes(from)) throw new Error(`Cannot edit: expected ${from}`);
  return text.replace(from, to);
};

const toy = "tests/support/toy_stages";

/** Each changes what is made, or keeps a process from starting. */
const edits: readonly Edit[] = [
  {
    kind: "code",
    path: `${toy}/rules/left.ts`,
    change: replaced("mix(state, draw)", "mix(state, draw + 1)"),
  },
  {
    kind: "code",
    path: `${toy}/rules/mix.ts`,
    change: (text) => `${text}\nexport const more = 1;\n`,
  },
  {
    kind: "code",
    path: `${toy}/walk.ts`,
    change: replaced("].length + draw", "].length + 2 * draw"),
  },
  { kind: "code", path: `${toy}/words.ts`, change: replaced(".sort()", ".sort().reverse()") },
  { kind: "code", path: `${toy}/table.ts`, change: replaced("Number(lines(", "1 + Number(lines(") },
  { kind: "code", path: "base/random.ts", change: replaced("this.#d, 11", "this.#d, 12") },
  {
    kind: "code",
    path: "pipeline/stage_context.ts",
    change: replaced("(root, name)", "(root + 1, name)"),
  },
  { kind: "code", path: "pipeline/child.ts", change: (text) => `${text}\nconsole.log(1);\n` },
  { kind: "code", path: `${toy}/walk.ts`, change: () => "no code (" },
  { kind: "code", path: `${toy}/rules/left.ts`, change: () => undefined },
  { kind: "data", path: "data/a.txt", change: () => "quite another text of other words" },
  { kind: "data", path: "data/a.txt", change: (text) => text.toLowerCase().replaceAll("o", "0") },
  { kind: "data", path: "data/a.txt", change: () => undefined },
  { kind: "recipe", path: `${toy}/recipes/toy.yaml`, change: replaced("steps: 8", "steps: 7") },
  { kind: "recipe", path: `${toy}/recipes/toy.yaml`, change: replaced("seed: 1", "seed: 2") },
  {
    kind: "recipe",
    path: `${toy}/recipes/toy.yaml`,
    change: replaced("title: Ends", "title: Last"),
  },
  {
    kind: "environment",
    path: "deno.json",
    change: replaced('"zod": "npm:zod@', '"zod": "npm:yaml@'),
  },
  { kind: "environment", path: "deno.lock", change: () => "{}" },
];

/** What happens in one run. */
interface Disturbance {
  readonly edit: Edit;
  /** After this event, and then so many milliseconds. */
  readonly after: string;
  readonly afterMs: number;
  /** Whether another file takes its place; otherwise the file is written. */
  readonly byRename: boolean;
  /** When it is put back: so many milliseconds later, after the run, or not before the run is made again. */
  readonly putBack: number | "after the run" | "last";
  readonly withTimes: boolean;
  /** The runner is killed so many milliseconds after the edit. */
  readonly killAfterMs: number | undefined;
}

const places = ["plan", "started words/a", "started walk/a/left", "done walk/a/left"];

function disturbanceOf(seed: number, index: number): Disturbance {
  const random = new Random(seedOf(seed, `edits/${index}`));
  const chance = (share: number) => random.float64() < share;
  const kinds = ["code", "data", "recipe", "environment"] as const;
  const kind = kinds[[0, 0, 0, 1, 1, 1, 2, 3][random.below(8)]];
  const ofKind = edits.filter((edit) => edit.kind === kind);
  const late = random.below(3);
  return {
    edit: ofKind[random.below(ofKind.length)],
    // Data are read by one instance.
    after: kind === "data" && chance(0.7)
      ? places[random.below(2)]
      : places[random.below(places.length)],
    afterMs: random.below(400),
    byRename: chance(0.4),
    putBack: late === 0 ? random.below(300) : late === 1 ? "after the run" : "last",
    withTimes: chance(0.6),
    killAfterMs: chance(0.25) ? random.below(600) : undefined,
  };
}

/** What came of a disturbed run. */
export interface Outcome {
  readonly disturbance: Disturbance;
  /** Whether the edit was made before the run had ended. */
  readonly isInTime: boolean;
  /** What ran when the edit was made. */
  readonly running: readonly string[];
  readonly wasKilled: boolean;
  /** Whether the run kept nothing of what was edited. */
  readonly wasRefused: boolean;
}

type Bytes = ReturnType<typeof finalBytes>;

/** A copy of the project that is edited again and again. */
export class EditedProject {
  readonly #folder: string;
  readonly #root: string;
  /** What clean stores have given, each manifest with its objects. */
  readonly #clean = new Map<string, string>();
  readonly #ofState = new Map<Edit | undefined, Bytes>();
  /** Edits with which a clean run fails. */
  readonly #broken = new Set<Edit | undefined>();
  #stores = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#root = join(folder, "project");
    copyProject(this.#root);
    Deno.mkdirSync(join(this.#root, "data"));
    Deno.writeTextFileSync(
      join(this.#root, "data/a.txt"),
      Array.from({ length: 300 }, (_, i) => `word${(i * 7919) % 1000}`).join(" "),
    );
  }

  /** @throws Error when a store holds what no clean store gives. */
  async disturb(seed: number, index: number): Promise<Outcome> {
    const disturbance = disturbanceOf(seed, index);
    const { edit } = disturbance;
    await this.#cleanRun(undefined);
    await this.#cleanRun(edit);
    const store = this.#newStore();
    const outcome = await this.#disturbedRun(store, disturbance);
    const what = `edit ${index} of seed ${seed} (${JSON.stringify(disturbance)})`;
    this.#check(store, what);
    // Whatever is left of it, the run made again gives what a clean store gives.
    const isEdited = disturbance.putBack === "last" && outcome.isInTime;
    const restore = isEdited ? this.#apply(edit, disturbance) : () => {};
    try {
      const expected = this.#ofState.get(isEdited ? edit : undefined)!;
      const { code, text } = await this.#run(store);
      const found = bytesOf(store);
      const missing = Object.keys(expected).filter((name) => found[name] !== expected[name]);
      if (missing.length > 0) {
        throw new Error(
          `After ${what}: expected what a clean store gives, found [${missing}]\n${text}`,
        );
      }
      if (code !== 0 && !this.#broken.has(isEdited ? edit : undefined)) {
        throw new Error(
          `After ${what}: expected exit code 0 of the next run, found ${code}\n${text}`,
        );
      }
      this.#check(store, what);
    } finally {
      restore();
      removeTree(store);
    }
    return outcome;
  }

  /** Runs in a new store, with an edit in place or none, and notes what that gives. */
  async #cleanRun(edit: Edit | undefined): Promise<void> {
    if (this.#ofState.has(edit)) return;
    const restore = edit === undefined
      ? () => {}
      : this.#apply(edit, { byRename: false, withTimes: true });
    const store = this.#newStore();
    try {
      const { code } = await this.#run(store);
      if (code !== 0) this.#broken.add(edit);
      const bytes = bytesOf(store);
      for (const [name, value] of Object.entries(bytes)) this.#clean.set(name, value);
      this.#ofState.set(edit, bytes);
    } finally {
      restore();
      removeTree(store);
    }
  }

  #check(store: string, what: string): void {
    for (const [name, value] of Object.entries(bytesOf(store))) {
      // Objects that no manifest names are nobody's result.
      if (!name.startsWith("manifest ")) continue;
      const expected = this.#clean.get(name);
      if (expected !== value) {
        throw new Error(
          `After ${what}: expected ${expected ?? "no such key"}, found ${name} ${value}`,
        );
      }
    }
  }

  async #disturbedRun(store: string, disturbance: Disturbance): Promise<Outcome> {
    const { edit, after, afterMs, putBack, killAfterMs } = disturbance;
    const process = this.#command(store).spawn();
    const running = new Set<string>();
    let atEdit: readonly string[] | undefined;
    let restore = () => {};
    const timers: ReturnType<typeof setTimeout>[] = [];
    const later = (ms: number, act: () => void) => timers.push(setTimeout(act, ms));
    let wasKilled = false;
    const disturbNow = () => {
      atEdit = [...running];
      restore = this.#apply(edit, disturbance);
      if (typeof putBack === "number") later(putBack, () => restore());
      if (killAfterMs !== undefined) {
        later(killAfterMs, () => {
          try {
            process.kill("SIGKILL");
            wasKilled = true;
          } catch { /* it has ended */ }
        });
      }
    };
    const failed: string[] = [];
    const take = (event: RunEvent) => {
      const instance = "instance" in event ? event.instance : undefined;
      if (event.type === "started") running.add(event.instance);
      if (event.type === "done" || event.type === "failed") running.delete(event.instance);
      if (event.type === "failed") failed.push(event.instance);
      const name = event.type === "plan" ? "plan" : `${event.type} ${instance}`;
      if (name === after) later(afterMs, disturbNow);
    };
    const takeAll = async () => {
      for await (const event of eventsFrom(process)) take(event);
    };
    await Promise.all([
      takeAll(),
      process.status,
      new Response(process.stderr).arrayBuffer(),
    ]);
    for (const timer of timers) clearTimeout(timer);
    restore();
    return {
      disturbance,
      isInTime: atEdit !== undefined,
      running: atEdit ?? [],
      wasKilled,
      wasRefused: failed.length > 0,
    };
  }

  /** Makes an edit. Returns what puts the file back; it does so once. */
  #apply(
    { path, change }: Edit,
    { byRename, withTimes }: Pick<Disturbance, "byRename" | "withTimes">,
  ): () => void {
    const file = join(this.#root, path);
    const [before, { atime, mtime }] = [Deno.readTextFileSync(file), Deno.statSync(file)];
    const write = (text: string | undefined) => {
      if (text === undefined) return Deno.removeSync(file);
      if (!byRename) return Deno.writeTextFileSync(file, text);
      const other = join(dirname(file), `${crypto.randomUUID()}.tmp`);
      Deno.writeTextFileSync(other, text);
      Deno.renameSync(other, file);
    };
    write(change(before));
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      write(before);
      if (withTimes) Deno.utimeSync(file, atime!, mtime!);
    };
  }

  #newStore(): string {
    return join(this.#folder, `store-${this.#stores++}`);
  }

  async #run(store: string): Promise<{ code: number; text: string }> {
    const { code, stdout, stderr } = await this.#command(store).output();
    const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).slice(-1500));
    return { code, text: text.join("\n") };
  }

  #command(store: string): Deno.Command {
    const set = ["sources=[a]", "rules=[left]", "delayMs=20", `data=${join(this.#root, "data")}`];
    return new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--quiet", "--no-lock", join(this.#root, toy, "main.ts"), "run", "--json"],
        ...["--recipe", "toy", "--store", store, ...set.flatMap((text) => ["--set", text])],
      ],
      cwd: this.#root,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }
}

/** What a store holds; nothing when a run could not even make it. */
function bytesOf(store: string): Bytes {
  try {
    return finalBytes(store);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      edits: { type: "string", default: "200" },
      seed: { type: "string", default: "1" },
      from: { type: "string", default: "0" },
    },
  });
  const seed = wholeNumber("--seed", values.seed, 0);
  const from = wholeNumber("--from", values.from, 0);
  const edits = wholeNumber("--edits", values.edits, from + 1);
  const folder = Deno.makeTempDirSync({ prefix: "dept-edits-" });
  try {
    const project = new EditedProject(folder);
    const outcomes: Outcome[] = [];
    for (let index = from; index < edits; index++) {
      const outcome = await project.disturb(seed, index);
      outcomes.push(outcome);
      const { edit, putBack } = outcome.disturbance;
      console.log(
        `${index} ${edit.kind} ${edit.path} ${outcome.isInTime ? "" : "(too late) "}` +
          `while [${outcome.running.join(", ")}] ran, back ${putBack}` +
          `${outcome.wasKilled ? ", killed" : ""}${outcome.wasRefused ? ", refused" : ""}`,
      );
    }
    const count = (holds: (outcome: Outcome) => boolean) => outcomes.filter(holds).length;
    console.log(
      `${outcomes.length} edits (seed ${values.seed}, from ${values.from}): ` +
        `${count((it) => it.isInTime)} before the end of their run, ` +
        `${count((it) => it.running.length > 0)} while an instance ran, ` +
        `${count((it) => it.wasKilled)} runs killed, ${count((it) => it.wasRefused)} refused; ` +
        `no store held what a clean one would not give (${formatDuration(performance.now())})`,
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
