/**
 * Reads damaged files of every format: each must end in rows or an error that names the file, within 5 s and 500 MB.
 *
 *     deno task instruments datasets-fuzz [--count 20000] [--first 0] [--seed 17] [--data FOLDER] [--json]
 *
 * Files are made in memory from the format samples (`--data`, default `DEPT_TEST_DATA` or `../shared/data`) and from text files
 * of our own. They are read by a process apart, which is ended when it is silent for too long.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  type DocumentReader,
  type Input,
  readerDefaults,
  readerModule,
} from "../../datasets/mod.ts";
import { messageOf, StageError } from "../../base/mod.ts";
import { mutated, type Sample, textSamples } from "./mutations.ts";
import { LineProcess } from "../support/line_process.ts";
import { peakBytes } from "../support/process_memory.ts";
import { rangeOf, rangeOptions } from "./fuzz_range.ts";

export const fuzzLimits = { ms: 5000, residentMb: 500 } as const;
/** Larger samples take long for nothing: what they hold repeats. */
const maxSampleBytes = 80_000;

interface FuzzResult {
  readonly files: number;
  /** Files whose rows could be read to the end. */
  readonly read: number;
  /** Files that were refused with a clear error. */
  readonly refused: number;
  readonly slowestMs: number;
  /** Peak of the reading process. */
  readonly residentMb: number;
  /** What should not have happened, with the number that makes it again (`--first N --count 1`). */
  readonly failures: readonly string[];
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...rangeOptions,
      format: { type: "string" },
      data: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const result = await fuzzReaders({
    ...rangeOf(values),
    format: values.format,
    data: values.data,
  });
  if (values.json) console.log(JSON.stringify(result));
  else {
    const { files, read, refused, slowestMs, residentMb, failures } = result;
    console.log(
      `${files} damaged files: ${read} read, ${refused} refused, ${failures.length} failures; ` +
        `slowest ${slowestMs.toFixed(0)} ms, peak ${residentMb.toFixed(0)} MB`,
    );
    for (const failure of failures) console.log(failure);
  }
  if (result.failures.length > 0) Deno.exitCode = 1;
}

interface FuzzOptions {
  readonly count: number;
  readonly first: number;
  readonly seed: number;
  /** The module of one reader, as in `parquet`; files of all without it. */
  readonly format?: string;
  /** Folder with `formats/`; without it only our own text files are read. */
  readonly data?: string;
}

/** Reads `count` damaged files, number `first` on. */
export async function fuzzReaders(
  { count, first, seed, format, data }: FuzzOptions,
): Promise<FuzzResult> {
  const failures: string[] = [];
  const total = { files: 0, read: 0, refused: 0, slowestMs: 0, residentMb: 0 };
  const end = first + count;
  for (let at = first; at < end;) {
    using process = new LineProcess(import.meta.url, [
      "--first",
      `${at}`,
      "--end",
      `${end}`,
      "--seed",
      `${seed}`,
      ...format ? ["--format", format] : [],
      ...data ? ["--data", data] : [],
    ]);
    for (;;) {
      const line = await process.next(fuzzLimits.ms + (at === first ? 20_000 : 5000)); // it starts up, too
      if (line === undefined) {
        failures.push(`${at}: the reading process ended: ${await process.end()}`);
        at++;
        break;
      }
      if (line === "silent") {
        failures.push(`${at}: no result after ${fuzzLimits.ms} ms`);
        at++;
        break;
      }
      const { outcome, ms, residentMb, name } = JSON.parse(line) as FileResult;
      total.files++;
      if (outcome === "read") total.read++;
      else if (outcome === "refused") total.refused++;
      else failures.push(`${at} (${name}): ${outcome}`);
      if (ms > fuzzLimits.ms) failures.push(`${at} (${name}): took ${ms.toFixed(0)} ms`);
      if (residentMb > fuzzLimits.residentMb && total.residentMb <= fuzzLimits.residentMb) {
        failures.push(`${at} (${name}): the process took ${residentMb.toFixed(0)} MB`);
      }
      total.slowestMs = Math.max(total.slowestMs, ms);
      total.residentMb = Math.max(total.residentMb, residentMb);
      at++;
      if (at === end) break;
    }
  }
  return { ...total, failures };
}

interface FileResult {
  readonly name: string;
  /** `read`, `refused`, or what was thrown instead. */
  readonly outcome: string;
  readonly ms: number;
  readonly residentMb: number;
}

/** The child's part: reads files [first, end) and prints a result each. */
async function readFiles(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      first: { type: "string" },
      end: { type: "string" },
      seed: { type: "string" },
      format: { type: "string" },
      data: { type: "string" },
    },
  });
  const samples = [...textSamples(), ...formatSamples(values.data)]
    .filter(({ name }) => {
      const { format } = values;
      return format === undefined || readerModule(name).endsWith(`/${format}.ts`);
    });
  for (let index = Number(values.first); index < Number(values.end); index++) {
    const sample = mutated(samples, Number(values.seed), index);
    const started = performance.now();
    const outcome = await readSample(sample);
    const ms = performance.now() - started;
    console.log(
      JSON.stringify(
        { name: sample.name, outcome, ms, residentMb: peakBytes() / 1e6 } satisfies FileResult,
      ),
    );
  }
}

/** The samples by columns and the crawl documents. */
function formatSamples(data: string | undefined): Sample[] {
  const folder = join(
    data ?? Deno.env.get("DEPT_TEST_DATA") ??
      fileURLToPath(new URL("../../../shared/data", import.meta.url)),
    "formats",
  );
  if (!existsSync(folder)) return [];
  const walk = (folder: string): string[] =>
    [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1).flatMap((
      { name, isDirectory },
    ) => isDirectory ? walk(join(folder, name)) : [join(folder, name)]);
  return walk(folder)
    .filter((path) => /\.(parquet|arrow_file|stream|jsonl\.gz|jsonl\.zst)$/.test(path))
    .map((path) => ({
      name: path.slice(folder.length + 1).replaceAll("/", "-"),
      bytes: Deno.readFileSync(path),
    }))
    .filter(({ bytes }) => bytes.length <= maxSampleBytes);
}

async function readSample(sample: Sample): Promise<string> {
  try {
    const { reader } = await import(readerModule(sample.name)) as { reader: DocumentReader };
    let rows = 0;
    for await (
      const batch of await reader.readRecords(inputOf(sample), {
        maxRowBytes: readerDefaults.maxRowBytes,
      })
    ) {
      rows += batch.length;
    }
    return "read";
  } catch (error) {
    const isClear = error instanceof StageError &&
      error.message.startsWith(`Cannot read "${sample.name}"`);
    return isClear ? "refused" : `${(error as Error).stack ?? messageOf(error)}`;
  }
}

function inputOf({ name, bytes }: Sample): Input {
  return {
    name,
    size: bytes.length,
    read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length)) {
        throw new StageError(
          `Cannot read "${name}": expected a range inside the file, found ${offset}+${length}`,
        );
      }
      return Promise.resolve(bytes.slice(offset, offset + length) as Uint8Array<ArrayBuffer>);
    },
    async *stream(from = 0) {
      for (let at = from; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

if (import.meta.main) await readFiles(Deno.args);
