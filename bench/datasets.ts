/**
 * Measures reading: formats, memory of a long compressed file, token shards.
 *
 *     deno task bench datasets [--case jsonl] [--megabytes 200] [--memory-gigabytes 1] [--shard-megabytes 1000] [--json]
 *
 * Text is made from a seed; files lie in a temporary folder. Each case runs in a process of its own. Speeds are of processor
 * time ("per core"), as a busy machine changes the clock's; the clock's stand beside them.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import {
  type DocumentReader,
  openTokenShards,
  readerDefaults,
  readerModule,
  writeTokenShards,
} from "../datasets/mod.ts";
import { Random, seedOf, UsageError } from "../base/mod.ts";
import { trainUnigram, unigramDefaults } from "../tokenizers/mod.ts";
import { peakMb } from "./process_memory.ts";

export interface DatasetMeasurement {
  readonly case: string;
  /** What the speed counts. */
  readonly what: string;
  readonly megabytes: number;
  readonly megabytesPerCoreSecond: number;
  readonly megabytesPerSecond: number;
  readonly peakMb: number;
  /** Figures of a case's own. */
  readonly more?: Readonly<Record<string, number>>;
  /** What was promised, where something was. */
  readonly target?: string;
}

interface Sizes {
  readonly megabytes: number;
  readonly memoryGigabytes: number;
  readonly shardMegabytes: number;
}

type Case = (folder: string, sizes: Sizes) => Promise<DatasetMeasurement>;

const cases: Readonly<Record<string, Case>> = {
  jsonl: (folder, sizes) =>
    readText(folder, sizes, "jsonl", "a.jsonl", "at least 60 MB/s per core"),
  "jsonl.gz": (folder, sizes) => readText(folder, sizes, "jsonl.gz", "a.jsonl.gz"),
  "jsonl.zst": (folder, sizes) => readText(folder, sizes, "jsonl.zst", "a.jsonl.zst"),
  json: (folder, sizes) => readText(folder, sizes, "json", "a.json"),
  csv: (folder, sizes) => readText(folder, sizes, "csv", "a.csv"),
  parquet: (folder, sizes) =>
    readText(folder, sizes, "parquet", "a.parquet", "at least 40 MB/s of text"),
  arrow: (folder, sizes) => readText(folder, sizes, "arrow", "a.arrow"),
  memory,
  shards,
};

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      case: { type: "string", multiple: true, default: Object.keys(cases) },
      megabytes: { type: "string", default: "200" },
      "memory-gigabytes": { type: "string", default: "1" },
      "shard-megabytes": { type: "string", default: "1000" },
      json: { type: "boolean", default: false },
    },
  });
  const sizes: Sizes = {
    megabytes: Number(values.megabytes),
    memoryGigabytes: Number(values["memory-gigabytes"]),
    shardMegabytes: Number(values["shard-megabytes"]),
  };
  for (const name of values.case) {
    if (!Object.hasOwn(cases, name)) {
      throw new UsageError(
        `Cannot measure "${name}": expected one of ${Object.keys(cases).join(", ")}`,
      );
    }
    const measured = await measureDataset(name, sizes);
    console.log(values.json ? JSON.stringify(measured) : lineOf(measured));
  }
}

/** Runs a case in a process of its own: its peak of memory is then its own. */
export async function measureDataset(name: string, sizes: Sizes): Promise<DatasetMeasurement> {
  const folder = Deno.makeTempDirSync({ prefix: "dept-bench-" });
  try {
    const root = fileURLToPath(new URL("..", import.meta.url));
    const run = async (step: string) => {
      const { success, stdout } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--no-check",
          "--config",
          join(root, "deno.json"),
          fileURLToPath(import.meta.url),
        ]
          .concat([step, name, folder, JSON.stringify(sizes)]),
        stderr: "inherit",
      }).output();
      if (!success) throw new Error(`Cannot measure "${name}": its process failed`);
      return new TextDecoder().decode(stdout);
    };
    await run("make");
    return JSON.parse(await run("measure"));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function lineOf(measured: DatasetMeasurement): string {
  const more = Object.entries(measured.more ?? {}).map(([name, value]) =>
    `, ${name} ${Number(value.toPrecision(4))}`
  );
  return `${measured.case.padEnd(9)} ${
    measured.megabytes.toFixed(0).padStart(5)
  } MB of ${measured.what}: ` +
    `${measured.megabytesPerCoreSecond.toFixed(0)} MB/s per core, ${
      measured.megabytesPerSecond.toFixed(0)
    } by the clock, ` +
    `peak ${measured.peakMb.toFixed(0)} MB${more.join("")}` +
    (measured.target === undefined ? "" : ` (${measured.target})`);
}

/** Documents of made-up words, 2 kB each on average, a tenth of them in another script. */
function* texts(bytes: number): Generator<string> {
  const random = new Random(seedOf(1, "bench/datasets"));
  const words = Array.from({ length: 5000 }, (_, i) => {
    const letters = i % 10 === 0 ? "абвгдежзиклмнопрст" : "etaoinshrdlcumwfgy";
    const length = 2 + Math.floor(random.float64() * 8);
    return Array.from({ length }, () => letters[Math.floor(random.float64() * 18)]).join("");
  });
  for (let made = 0; made < bytes;) {
    const count = 100 + Math.floor(random.float64() * 500);
    const text = Array.from({ length: count }, (_, i) => {
      const word = words[Math.floor(words.length * random.float64() ** 3)];
      return i % 40 === 39 ? `"${word}",\n` : word;
    }).join(" ");
    made += Buffer.byteLength(text);
    yield text;
  }
}

/** Writes the file of a case. */
function make(name: string, folder: string, sizes: Sizes): void {
  const bytes = sizes.megabytes * 1e6;
  const path = join(folder, `a.${name}`);
  const line = (text: string, i: number) =>
    `${JSON.stringify({ id: i, text, meta: { pile_set_name: "A" } })}\n`;
  switch (name) {
    case "jsonl":
      return write(path, lines(bytes, line));
    case "jsonl.gz":
      return write(path, packed(lines(bytes, line), gzipSync));
    case "jsonl.zst":
      return write(path, packed(lines(bytes, line), zstdCompressSync));
    case "json":
      return write(
        path,
        lines(bytes, (text, i) => `${i === 0 ? "[" : ","}${line(text, i)}`),
        "]\n",
      );
    case "csv":
      return write(
        path,
        lines(
          bytes,
          (text, i) => `${i === 0 ? "id,text\n" : ""}${i},"${text.replaceAll('"', '""')}"\n`,
        ),
      );
    case "parquet": {
      const data = [...texts(bytes)];
      const columnData = [
        { name: "id", data: data.map((_, i) => i), type: "INT32" as const },
        { name: "text", data, type: "STRING" as const },
      ];
      return Deno.writeFileSync(
        path,
        new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 10_000 })),
      );
    }
    case "memory": {
      // One member of real size, again and again: gzip of several members reads as one file.
      const member = gzipSync(Buffer.concat([...lines(100e6, line)]), { level: 1 });
      const times = Math.round(sizes.memoryGigabytes * 10);
      return write(join(folder, "a.jsonl.gz"), Array(times).fill(member));
    }
  }
}

async function makeArrow(folder: string, sizes: Sizes): Promise<void> {
  const { writeDocuments } = await import("../datasets/mod.ts");
  let i = 0;
  const documents = texts(sizes.megabytes * 1e6).map((text) => ({ text, id: `a:${++i}` }));
  await writeDocuments(folder, documents);
  Deno.renameSync(join(folder, "documents.arrow"), join(folder, "a.arrow"));
}

function* lines(bytes: number, line: (text: string, i: number) => string): Generator<Uint8Array> {
  let i = 0;
  let part = "";
  for (const text of texts(bytes)) {
    part += line(text, i++);
    if (part.length < 1 << 20) continue;
    yield new TextEncoder().encode(part);
    part = "";
  }
  yield new TextEncoder().encode(part);
}

function* packed(
  parts: Iterable<Uint8Array>,
  pack: (bytes: Uint8Array) => Uint8Array,
): Generator<Uint8Array> {
  for (const part of parts) yield pack(part);
}

function write(path: string, parts: Iterable<Uint8Array>, end = ""): void {
  using file = Deno.openSync(path, { write: true, create: true });
  for (const part of [...parts, new TextEncoder().encode(end)]) {
    for (let at = 0; at < part.length;) at += file.writeSync(part.subarray(at));
  }
}

/** Runs `work` and says how long it took by the clock and by the processor. */
async function timed(
  work: () => Promise<void> | void,
): Promise<{ seconds: number; coreSeconds: number }> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - started) / 1000, coreSeconds: (user + system) / 1e6 };
}

async function readText(
  folder: string,
  _: Sizes,
  name: string,
  file: string,
  target?: string,
): Promise<DatasetMeasurement> {
  const path = join(folder, file);
  const { reader } = await import(readerModule(path)) as { reader: DocumentReader };
  let characters = 0, documents = 0;
  const time = await timed(async () => {
    for await (const { text } of reader.read(path, readerDefaults)) {
      characters += text.length;
      documents++;
    }
  });
  let textBytes = 0;
  for await (const { text } of reader.read(path, readerDefaults)) {
    textBytes += Buffer.byteLength(text);
  }
  // Of plain text files the file counts, else the text in it.
  const isPlain = ["jsonl", "json", "csv"].includes(name);
  const megabytes = (isPlain ? Deno.statSync(path).size : textBytes) / 1e6;
  return {
    case: name,
    what: isPlain ? "file" : "text",
    megabytes,
    megabytesPerCoreSecond: megabytes / time.coreSeconds,
    megabytesPerSecond: megabytes / time.seconds,
    peakMb: peakMb(),
    more: { documents, characters },
    target,
  };
}

/** Reads and tokenises a long compressed file; what it takes must not grow with the file. */
async function memory(folder: string): Promise<DatasetMeasurement> {
  const path = join(folder, "a.jsonl.gz");
  const { reader } = await import(readerModule(path)) as { reader: DocumentReader };
  const sample = [...texts(2e6)].map((text) => ({ text }));
  const tokenizer = await trainUnigram(sample, { ...unigramDefaults, vocabSize: 1000 });
  let bytes = 0, peakHalfway = 0, tokens = 0;
  const time = await timed(async () => {
    const stream = reader.read(path, readerDefaults);
    async function* encoded() {
      for await (const { text } of stream) {
        const size = Buffer.byteLength(text);
        bytes += size;
        if (peakHalfway === 0 && stream.progress.bytesRead > stream.progress.bytesTotal / 2) {
          peakHalfway = peakMb();
        }
        yield { ids: tokenizer.encode(text), bytes: size };
      }
    }
    const options = { vocabSize: tokenizer.vocabSize, endId: 2 };
    ({ tokens } = await writeTokenShards(folder, encoded(), options));
  });
  return {
    case: "memory",
    what: "text, read from jsonl.gz, tokenised and written",
    megabytes: bytes / 1e6,
    megabytesPerCoreSecond: bytes / 1e6 / time.coreSeconds,
    megabytesPerSecond: bytes / 1e6 / time.seconds,
    peakMb: peakMb(),
    more: { tokens, "peak MB at half": peakHalfway },
    target: "under 1000 MB",
  };
}

/** Random windows of a large shard set: how fast, and how many bytes of the file they touch. */
async function shards(folder: string, { shardMegabytes }: Sizes): Promise<DatasetMeasurement> {
  const shards = openTokenShards(folder);
  const random = new Random(seedOf(1, "bench/windows"));
  const [windows, seqLen] = [2000, 2048];
  const before = bytesReadByProcess();
  let sum = 0;
  const time = await timed(() => {
    for (let i = 0; i < windows; i++) {
      const start = Math.floor(random.float64() * (shards.tokens - seqLen));
      sum += shards.slice(start, seqLen)[0];
    }
  });
  const touched = (bytesReadByProcess() - before) / windows;
  shards.close();
  const megabytes = windows * seqLen * 2 / 1e6;
  return {
    case: "shards",
    what: `windows of ${seqLen} tokens from ${shardMegabytes} MB`,
    megabytes,
    megabytesPerCoreSecond: megabytes / time.coreSeconds,
    megabytesPerSecond: megabytes / time.seconds,
    peakMb: peakMb(),
    more: {
      "tokens/s": windows * seqLen / time.seconds,
      "tokens/s per core": windows * seqLen / time.coreSeconds,
      "bytes touched a window": touched,
      sum,
    },
  };
}

async function makeShards(folder: string, { shardMegabytes }: Sizes): Promise<void> {
  const random = new Random(seedOf(1, "bench/shards"));
  const ids = Uint16Array.from(
    { length: 100_000 },
    () => 4 + Math.floor(random.float64() * 49_996),
  );
  const documents = Array.from({ length: Math.ceil(shardMegabytes * 1e6 / 2 / 100_001) });
  await writeTokenShards(
    folder,
    documents.map(() => ({ ids, bytes: 300_000 })),
    { vocabSize: 50_000, endId: 2 },
  );
}

/** Bytes that this process has asked the system for; 0 where the system does not say. */
function bytesReadByProcess(): number {
  try {
    return Number(/rchar: (\d+)/.exec(Deno.readTextFileSync("/proc/self/io"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

if (import.meta.main) {
  const [step, name, folder, sizes] = Deno.args;
  if (step === "measure") console.log(JSON.stringify(await cases[name](folder, JSON.parse(sizes))));
  else if (name === "shards") await makeShards(folder, JSON.parse(sizes));
  else if (name === "arrow") await makeArrow(folder, JSON.parse(sizes));
  else make(name, folder, JSON.parse(sizes));
}
