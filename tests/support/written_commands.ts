/**
 * Checks a command line that a document tells to type: by the program's own command line, and, where it only looks, by calling it
 * on an empty store.
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type CommandLine, runCommand } from "../../commands/command_line.ts";
import { dataset } from "../../commands/dataset.ts";
import { project } from "../../commands/dept.ts";
import { pipeline } from "../../commands/main.ts";
import { tokenizer } from "../../commands/tokenizer.ts";
import { Store } from "../../pipeline/store.ts";
import { captured } from "./captured.ts";
import { shellWords } from "./markdown.ts";
import { projectRoot } from "./paths.ts";

/** The Deno that the gate runs: documents name the same. */
const denoVersion = /deno@([\d.]+)/.exec(
  Deno.readTextFileSync(join(projectRoot, ".ci/run")),
)![1];

const { tasks } = JSON.parse(Deno.readTextFileSync(join(projectRoot, "deno.json"))) as {
  readonly tasks: Readonly<Record<string, unknown>>;
};

/** Commands that change nothing, or find nothing to change in an empty store. The others are parsed, and not called. */
const looking = [
  ..."run status table figure why graph log path recipes init generate export curves".split(" "),
  ..."push verify gc runs diff".split(" "),
];

/** Commands whose exit code says that something would run. */
const stale = ["status", "why"];

/** What a command says that is right, before anything has run. */
const notMade = new RegExp([
  "must run first; do:",
  "it must be trained first; do:",
  "expected a run of it, found none",
  "expected one of .*#", // `path` of an instance with several outputs
  "expected a finished training run, found none",
  "expected a training run that has begun, found none",
  "expected one that .* knows, found that it knows none", // `diff` of runs
  "expected results, found none",
  "expected a store, found none there",
  "expected a record of what was run there, found none",
].join("|"));

/** Folders of data as `--set data=DIR` wants them, with the sources that shipped recipes name. */
const sources: Readonly<Record<string, string>> = {
  multilingual: "en it la ms sr sw ur zh",
  domains: "biomedical code irc literature stackexchange wikipedia",
};

/** Where the commands of documents are typed, and what `DIR` and `FILE` stand for in them. */
export interface Places {
  /** Stands for a checkout; `../texts` has files. */
  readonly clone: string;
  readonly data: string;
  readonly file: string;
  readonly store: string;
}

/** Makes all of them below a folder. */
export function placesBelow(folder: string): Places {
  const places = {
    clone: join(folder, "dept"),
    data: join(folder, "data"),
    file: join(folder, "data.jsonl"),
    store: join(folder, "store"),
  };
  mkdirSync(places.clone);
  Store.open(places.store, { create: true }); // it keeps the digests of the code for all commands
  const text = (i: number) => JSON.stringify({ text: `line ${i} `.repeat(40) });
  const rows = Array.from({ length: 40 }, (_, i) => text(i)).join("\n");
  const write = (path: string, text = rows) => {
    mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, text);
  };
  write(places.file);
  for (const name of ["code", "letters", "recipes"]) write(join(folder, `texts/${name}.jsonl`));
  for (const [kind, names] of Object.entries(sources)) {
    for (const name of names.split(" ")) {
      for (const split of ["train", "validation"]) {
        const path = join(places.data, kind, name, `${split}.jsonl.gz`);
        mkdirSync(dirname(path), { recursive: true });
        Deno.writeFileSync(path, gzipSync(rows));
      }
    }
  }
  for (const place of [join(folder, "texts"), places.data]) {
    Deno.writeTextFileSync(join(place, "dept.yaml"), "extends: sample\n"); // of `init`, which may be spoken of later
  }
  for (const split of ["train", "dev"]) {
    write(join(places.data, `downstream/sst2/${split}.tsv`), "sentence\tlabel\na good film\t1\n");
  }
  return places;
}

/** @returns what is wrong with it; undefined if nothing is */
export async function faultOf(line: string, places: Places): Promise<string | undefined> {
  const words = shellWords(line).filter((word) => word !== "…");
  if (words[0] === "npx") {
    if (words[1] !== "--yes" || words[2] !== `deno@${denoVersion}`) {
      return `expected npx --yes deno@${denoVersion}`;
    }
    words.splice(0, 3, "deno");
  }
  const [, kind, ...rest] = words;
  if (kind === "test") return missingFile(rest.filter((word) => word.startsWith("tests/")));
  if (kind !== "task" || rest.length === 0) return undefined; // Deno's own
  const [task, ...args] = rest.filter((word, i) => word !== "-q" || i > 0);
  if (!(task in tasks)) return `expected a task of deno.json, found "${task}"`;
  if (task === "pipeline") {
    const isOut = args[0] === "export"; // into a folder that is not there yet
    const own = isOut ? { ...places, data: join(places.clone, "out") } : places;
    return await faultOfPipeline(args.map(placed(own)), places);
  }
  if (task === "tokenizer") return await parseFault(tokenizer, args.map(placed(places)), undefined);
  if (task === "dataset") return await parseFault(dataset, args.map(placed(places)), undefined);
  if (task === "bench") return programFault("bench", args);
  return task === "instruments" ? programFault("tests/instruments", args) : undefined;
}

/** Puts places for `DIR` and `FILE`. */
function placed({ data, file }: Places): (word: string) => string {
  return (word) => word.replace(/\bDIR\b/, data).replace(/\bFILE\b…?/, file);
}

function missingFile(paths: readonly string[]): string | undefined {
  const missing = paths.find((path) => !existsSync(join(projectRoot, path)));
  return missing === undefined ? undefined : `expected "${missing}", found nothing there`;
}

async function faultOfPipeline(args: string[], places: Places): Promise<string | undefined> {
  const loadProject = () => Promise.resolve(project);
  const wrong = await parseFault(pipeline, args, loadProject);
  const command = args[0];
  if (wrong !== undefined || !looking.includes(command) || args.includes("--help")) return wrong;
  if (command === "init") Deno.removeSync(join(args[1], "dept.yaml")); // each call is a first one
  if (command === "run" && !args.includes("--dry-run")) args.push("--dry-run");
  if (command !== "recipes" && command !== "init" && !args.includes("--store")) {
    args.push("--store", places.store);
  }
  const { code, stderr } = await captured(() => runCommand(pipeline, args, loadProject));
  if (code === 0 || code === 3 && stale.includes(command) || notMade.test(stderr)) return undefined;
  return `exit code ${code}: ${stderr.trim()}`;
}

/** Parses without acting. */
async function parseFault<Context>(
  line: CommandLine<Context>,
  args: readonly string[],
  context: Context,
): Promise<string | undefined> {
  const commands: CommandLine<Context>["commands"] = Object.fromEntries(
    Object.entries(line.commands).map(([form, [about, load]]) => [
      form,
      [
        about,
        async () => ({ command: { ...(await load()).command, act: () => Promise.resolve() } }),
      ],
    ]),
  );
  const { code, stderr } = await captured(() => runCommand({ ...line, commands }, args, context));
  return code === 0 ? undefined : stderr.trim();
}

/** A program of `bench/` or `tests/instruments/`: its name, and its options as its file names them. */
function programFault(folder: string, [name, ...args]: readonly string[]): string | undefined {
  if (name === undefined || name === "--help" || name === "NAME") return undefined;
  const table = Deno.readTextFileSync(join(projectRoot, folder, "main.ts"));
  const rows = [...table.matchAll(/^ {2}"?([\w-]+)"?: \{[^}]*?import\("([^"]+)"\)/gms)];
  const row = rows.find(([, known]) => known === name);
  if (row === undefined) return `expected one of ${rows.map(([, known]) => known).join(", ")}`;
  const text = Deno.readTextFileSync(join(projectRoot, folder, row[2]));
  const unknown = args.filter((arg) => arg.startsWith("--"))
    .find((arg) => !new RegExp(`^\\s*"?${arg.slice(2)}"?: \\{ ?type:`, "m").test(text));
  return unknown === undefined ? undefined : `expected an option of ${row[2]}, found ${unknown}`;
}
