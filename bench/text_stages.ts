/**
 * Measures the stages between a file of text and token shards, `documents` and `tokenize`, as whole runs of the pipeline.
 *
 *     deno task bench text [--megabytes 200] [--rounds 3] [--threads 2] [--beside CHECKOUT] [--data DIR] [--json]
 *
 * The text is real (`reshuffled_text.ts`), in one file of JSON lines; a hash takes some documents of it for validation and test.
 * What is measured is the training text of one source. With `--beside`, another checkout of the project does the same work,
 * round by round in turn, and both must write the same bytes. Ends with exit code 1 where they do not.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { UsageError, writeAll } from "../base/mod.ts";
import { wholeNumber } from "../commands/option_values.ts";
import { dataPath } from "../tests/support/data.ts";
import { reshuffledTexts } from "./reshuffled_text.ts";
import { median } from "./timing.ts";
import { childrenSeconds } from "./tokenizers/processes.ts";

const stages = { documents: "documents/text/train", tokenize: "tokenize/text/global" } as const;
type Stage = keyof typeof stages;
/** Files whose bytes are compared, by output. */
const compared = {
  documents: ["documents.arrow"],
  train: ["tokens.arrow", "documents.arrow", "shards.json"],
  statistics: ["counts.arrow"],
};

/** A checkout of the project, with a store of its own. */
interface Side {
  readonly name: string;
  readonly checkout: string;
  readonly store: string;
}

/** What a stage took, its process and the run that started it. */
interface Measured {
  readonly side: string;
  readonly stage: Stage;
  /** Of the instance by the clock: from the start of its process to its end. */
  readonly seconds: number;
  /** On processors, of the whole command. */
  readonly cpuSeconds: number;
  /** Of the instance's process. */
  readonly peakMb: number;
  /** What tells the bytes of a file, by output and name. */
  readonly digests: Readonly<Record<string, string>>;
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      megabytes: { type: "string", default: "200" },
      rounds: { type: "string", default: "3" },
      threads: { type: "string", default: "2" },
      beside: { type: "string" },
      data: { type: "string", default: dataPath },
      json: { type: "boolean", default: false },
    },
  });
  if (!existsSync(join(values.data, "domains"))) {
    throw new UsageError(
      `Cannot measure text: expected folders "domains" and "multilingual" of real text in "${values.data}", ` +
        "found none; --data DIR or DEPT_TEST_DATA says where they are",
    );
  }
  const megabytes = wholeNumber("--megabytes", values.megabytes, 1);
  const rounds = wholeNumber("--rounds", values.rounds, 1);
  const threads = wholeNumber("--threads", values.threads, 1);
  const folder = Deno.makeTempDirSync({ prefix: "dept-bench-" });
  try {
    const recipe = writeRecipe(folder, threads, reshuffledTexts(values.data, 1e6 * megabytes));
    const own = fileURLToPath(new URL("..", import.meta.url));
    const sides = [["this", own], ["beside", values.beside]].flatMap(([name, checkout]) =>
      checkout === undefined ? [] : [{ name: name!, checkout, store: join(folder, name!) }]
    );
    for (const side of sides) await pipeline(side, recipe, ["run", stages.tokenize]);
    const measured: Measured[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const stage of Object.keys(stages) as Stage[]) {
        for (const side of sides) measured.push(await measure(side, recipe, stage));
      }
    }
    if (values.json) console.log(JSON.stringify({ megabytes, measured }));
    else report(measured, sides, megabytes);
    if (sides.length > 1) compareBytes(measured);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** The recipe's file, beside the text that it names. */
function writeRecipe(folder: string, threads: number, texts: Iterable<string>): string {
  const data = join(folder, "text.jsonl");
  using file = Deno.openSync(data, { createNew: true, write: true });
  for (const text of texts) {
    writeAll(file, new TextEncoder().encode(JSON.stringify({ text }) + "\n"));
  }
  const path = join(folder, "text.yaml");
  const recipe = {
    extends: "base",
    name: "text",
    description: "One source of real text.",
    engine: { threads },
    pretrain: { sourcesPerRound: 1 },
    sources: { text: { files: data, split: { validation: 0.001, test: 0.001 } } },
    vocabulary: { global: { maxTextBytes: 20_000_000 } },
  };
  Deno.writeTextFileSync(path, JSON.stringify(recipe));
  return path;
}

async function measure(side: Side, recipe: string, stage: Stage): Promise<Measured> {
  const before = childrenSeconds();
  const args = ["run", "--force", "--only", "--json", stages[stage]];
  const events = (await pipeline(side, recipe, args)).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  const { durationMs, peakMemoryBytes, outputs } = events.find(({ type }) => type === "done");
  return {
    side: side.name,
    stage,
    seconds: durationMs / 1000,
    cpuSeconds: childrenSeconds() - before,
    peakMb: peakMemoryBytes / 1e6,
    digests: Object.fromEntries(
      Object.entries(compared).filter(([output]) => output in outputs).flatMap(([output, files]) =>
        files.map((file) => [`${stage}/${output}/${file}`, digestOf(side, outputs[output], file)])
      ),
    ),
  };
}

/** The digests of a file's stretches, as the listing of an object in the store has them. */
function digestOf({ store }: Side, object: string, file: string): string {
  const path = join(store, "objects", object.slice(0, 2), `${object}.json`);
  const listing: { path: string }[] = JSON.parse(Deno.readTextFileSync(path));
  return JSON.stringify(listing.find((listed) => listed.path === file));
}

/** Runs a command of a checkout and gives what it prints. @throws Error with what it says when it fails. */
async function pipeline(side: Side, recipe: string, args: readonly string[]): Promise<string> {
  const { checkout, store } = side;
  // The task of the checkout's own: its program lay elsewhere once.
  const config = join(checkout, "deno.json");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "--config", config, "pipeline", ...args]
      .concat("--recipe", recipe, "--store", store),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (code !== 0) {
    throw new Error(`Cannot measure: code ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

function report(measured: readonly Measured[], sides: readonly Side[], megabytes: number): void {
  const of = (side: string, stage: Stage, what: "seconds" | "cpuSeconds") =>
    measured.filter((one) => one.side === side && one.stage === stage).map((one) => one[what]);
  const both = (side: string, what: "seconds" | "cpuSeconds") => {
    const [documents, tokenize] = [of(side, "documents", what), of(side, "tokenize", what)];
    return documents.map((seconds, round) => seconds + tokenize[round]);
  };
  const peak = (side: string, stage?: Stage) =>
    Math.max(
      ...measured.filter((one) => one.side === side && (stage ?? one.stage) === one.stage)
        .map(({ peakMb }) => peakMb),
    );
  console.log("            side     seconds     MB/s   on processors   peak");
  const names: (Stage | "both")[] = ["documents", "tokenize", "both"];
  for (const name of names) {
    const rows = sides.map(({ name: side }) => {
      const [seconds, cpu] = (["seconds", "cpuSeconds"] as const).map((what) =>
        name === "both" ? both(side, what) : of(side, name, what)
      );
      console.log(
        `${name.padEnd(11)} ${side.padEnd(7)} ${median(seconds).toFixed(2).padStart(8)} ` +
          `${(megabytes / median(seconds)).toFixed(1).padStart(8)} ` +
          `${`${median(cpu).toFixed(2)} s`.padStart(15)} ` +
          `${peak(side, name === "both" ? undefined : name).toFixed(0).padStart(4)} MB` +
          `   (${seconds.map((one) => one.toFixed(1)).join(", ")})`,
      );
      return { seconds, cpu };
    });
    if (rows.length < 2) continue;
    const [own, other] = rows;
    const times = (what: "seconds" | "cpu") =>
      median(own[what].map((one, round) => other[what][round] / one)).toFixed(2);
    console.log(
      `${name.padEnd(11)} ${times("seconds")} times as fast, ${times("cpu")} on processors`,
    );
  }
}

/** Prints for each file whether both sides have written the same, and sets the exit code. */
function compareBytes(measured: readonly Measured[]): void {
  const files = new Set(measured.flatMap(({ digests }) => Object.keys(digests)));
  for (const file of files) {
    const found = measured.flatMap(({ digests }) => digests[file] ?? []);
    const isSame = new Set(found).size === 1;
    console.log(`${file}: ${isSame ? "the same bytes" : "OTHER BYTES"}`);
    if (!isSame) Deno.exitCode = 1;
  }
}
