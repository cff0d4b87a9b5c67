/**
 * Measures reading: every format, the memory of a long compressed file, token shards.
 *
 *     deno task bench datasets [--case jsonl] [--megabytes 200] [--json]
 *
 * Text is made from a seed; files lie in a temporary folder. Each case runs in a process of its own, so that its peak of memory
 * is its own. Speeds are of processor time ("per core"), as a busy machine changes the clock's; the clock's stand beside them.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { Random, seedOf, UsageError, writeAll } from "../base/mod.ts";
import {
  type DocumentReader,
  openTokenShards,
  readerDefaults,
  readerModule,
  writeDocuments,
  writeTokenShards,
} from "../datasets/mod.ts";
import { peakBytes } from "../tests/support/process_memory.ts";
import { trainUnigram, unigramDefaults } from "../tokenizers/mod.ts";
import { timeTasks } from "./timing.ts";
import { wholeNumber } from "../commands/option_values.ts";

interface Measurement {
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

/** A case makes its files before its process starts, and measures in it. */
interface Case {
  make(folder: string, bytes: number): void | Promise<unknown>;
  measure(folder: string, bytes: number): Promise<Omit<Measurement, "case">>;
}

const cases: Readonly<Record<string, Case>> = {
  jsonl: plainText("a.jsonl", jsonLine, "at least 60 MB/s per core"),
  json: plainText("a.json", (text, i) => `${i === 0 ? "[" : ","}${jsonLine(text, i)}`, "", "]\n"),
  csv: plainText("a.csv", (text, i) => {
    const head = i === 0 ? "id,text\n" : "";
    return `${head}${i},"${text.replaceAll('"', '""')}"\n`;
  }),
  "jsonl.gz": reading("a.jsonl.gz", (path, bytes) => write(path, jsonLines(bytes), gzipSync)),
  "jsonl.zst": reading(
    "a.jsonl.zst",
    (path, bytes) => write(path, jsonLines(bytes), zstdCompressSync),
  ),
  parquet: reading("a.parquet", (path, bytes) => {
    const data = [...texts(bytes)];
    const columnData = [
      { name: "id", data: data.map((_, i) => i), type: "INT32" as const },
      { name: "text", data, type: "STRING" as const },
    ];
    const file = parquetWriteBuffer({ columnData, rowGroupSize: 10_000 });
    Deno.writeFileSync(path, new Uint8Array(file));
  }, "at least 40 MB/s of text"),
  arrow: reading("documents.arrow", (path, bytes) => {
    const documents = texts(bytes).map((text, i) => ({ text, id: `a:${i + 1}` }));
    return writeDocuments(join(path, ".."), documents);
  }),
  memory: {
    make(folder, bytes) {
      // One member of real size, again and again: gzip of several members reads as one file.
      const member = gzipSync(Buffer.concat([...jsonLines(bytes / 2)]), { level: 1 });
      write(join(folder, "a.jsonl.gz"), Array(10).fill(member));
    },
    measure: readLongFile,
  },
  shards: { make: makeShards, measure: readWindows },
};

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      case: { type: "string", multiple: true, default: Object.keys(cases) },
      megabytes: { type: "string", default: "200" },
      json: { type: "boolean", default: false },
    },
  });
  const megabytes = wholeNumber("--megabytes", values.megabytes, 1);
  for (const name of values.case) {
    if (!Object.hasOwn(cases, name)) {
      throw new UsageError(
        `Cannot measure "${name}": expected one of ${Object.keys(cases).join(", ")}`,
      );
    }
    const measured = await measureInProcess(name, 1e6 * megabytes);
    console.log(values.json ? JSON.stringify(measured) : lineOf(measured));
  }
}

async function measureInProcess(name: string, bytes: number): Promise<Measurement> {
  const folder = Deno.makeTempDirSync({ prefix: "dept-bench-" });
  try {
    await cases[name].make(folder, bytes);
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", fileURLToPath(import.meta.url), name, folder, `${bytes}`],
      stderr: "inherit",
    }).output();
    if (!success) throw new Error(`Cannot measure "${name}": its process failed`);
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function lineOf(measured: Measurement): string {
  const { megabytes, megabytesPerCoreSecond, megabytesPerSecond, peakMb, target } = measured;
  const more = Object.entries(measured.more ?? {}).map(([name, value]) =>
    `, ${name} ${Number(value.toPrecision(4))}`
  );
  return `${measured.case.padEnd(9)} ${megabytes.toFixed(0).padStart(5)} MB of ${measured.what}: ` +
    `${megabytesPerCoreSecond.toFixed(0)} MB/s per core, ` +
    `${megabytesPerSecond.toFixed(0)} by the clock, peak ${peakMb.toFixed(0)} MB${more.join("")}` +
    (target ? ` (${target})` : "");
}

/** Speeds of a task that goes over `bytes()` bytes, and the peak of this process. */
async function speedOf(iterations: number, task: () => unknown, bytes: () => number) {
  const { task: { seconds, cpuSeconds } } = await timeTasks({ task }, { iterations, warmUps: 0 });
  const megabytes = bytes() / 1e6;
  return {
    megabytes,
    megabytesPerCoreSecond: megabytes / cpuSeconds,
    megabytesPerSecond: megabytes / seconds,
    peakMb: peakBytes() / 1e6,
  };
}

/** Reads a file three times. Its text counts, or the file itself where that is plain text. */
function reading(
  file: string,
  make: (path: string, bytes: number) => void | Promise<unknown>,
  target?: string,
  isPlain = false,
): Case {
  return {
    make: (folder, bytes) => make(join(folder, file), bytes),
    async measure(folder) {
      const path = join(folder, file);
      const reader = await readerOf(path);
      let [characters, documents] = [0, 0];
      const read = async () => {
        [characters, documents] = [0, 0];
        for await (const { text } of reader.read(path, readerDefaults)) {
          characters += text.length;
          documents++;
        }
      };
      let textBytes = 0;
      if (isPlain) textBytes = Deno.statSync(path).size;
      else {
        for await (const { text } of reader.read(path, readerDefaults)) {
          textBytes += Buffer.byteLength(text);
        }
      }
      return {
        what: isPlain ? "file" : "text",
        ...await speedOf(3, read, () => textBytes),
        more: { documents, characters },
        target,
      };
    },
  };
}

function plainText(
  file: string,
  line: (text: string, i: number) => string,
  target?: string,
  end = "",
): Case {
  const make = (path: string, bytes: number) => write(path, linesOf(bytes, line, end));
  return reading(file, make, target, true);
}

/** Reads and tokenises a long compressed file; what it takes must not grow with the file. */
async function readLongFile(folder: string): Promise<Omit<Measurement, "case">> {
  const path = join(folder, "a.jsonl.gz");
  const reader = await readerOf(path);
  const sample = [...texts(2e6)].map((text) => ({ text }));
  const tokenizer = await trainUnigram(sample, { ...unigramDefaults, vocabSize: 1000 });
  let [bytes, halfPeak, tokens] = [0, 0, 0];
  const tokenize = async () => {
    const stream = reader.read(path, readerDefaults);
    async function* encoded() {
      for await (const { text } of stream) {
        const size = Buffer.byteLength(text);
        bytes += size;
        const { bytesRead, bytesTotal } = stream.progress;
        if (halfPeak === 0 && bytesRead > bytesTotal / 2) halfPeak = peakBytes();
        yield { ids: tokenizer.encode(text), bytes: size };
      }
    }
    const options = { vocabSize: tokenizer.vocabSize, endId: 2 };
    ({ tokens } = await writeTokenShards(folder, encoded(), options));
  };
  return {
    what: "text, read from jsonl.gz, tokenised and written",
    ...await speedOf(1, tokenize, () => bytes),
    more: { tokens, "peak MB at half": halfPeak / 1e6 },
    target: "under 1000 MB",
  };
}

const [windows, seqLen] = [2000, 2048];

function makeShards(folder: string, bytes: number): Promise<unknown> {
  const random = new Random(seedOf(1, "bench/shards"));
  const ids = Uint16Array.from({ length: 100_000 }, () => 4 + random.below(49_996));
  const count = Math.ceil(5 * bytes / (2 * ids.length));
  const documents = Array.from({ length: count }, () => ({ ids, bytes: 300_000 }));
  return writeTokenShards(folder, documents, { vocabSize: 50_000, endId: 2 });
}

/** Random windows of a large shard set. */
async function readWindows(folder: string, bytes: number): Promise<Omit<Measurement, "case">> {
  const shards = openTokenShards(folder);
  const random = new Random(seedOf(1, "bench/windows"));
  const read = () => {
    for (let i = 0; i < windows; i++) shards.slice(random.below(shards.tokens - seqLen), seqLen);
  };
  const speed = await speedOf(3, read, () => 2 * windows * seqLen);
  shards.close();
  return {
    what: `windows of ${seqLen} tokens from ${5 * bytes / 1e6} MB`,
    ...speed,
    more: { "tokens/s": speed.megabytesPerSecond * 1e6 / 2 },
  };
}

async function readerOf(path: string): Promise<DocumentReader> {
  return (await import(readerModule(path)) as { reader: DocumentReader }).reader;
}

/** Documents of made-up words, 2 kB each on average, a tenth of the words in another script. */
function* texts(bytes: number): Generator<string> {
  const random = new Random(seedOf(1, "bench/datasets"));
  const words = Array.from({ length: 5000 }, (_, i) => {
    const letters = i % 10 === 0 ? "абвгдежзиклмнопрст" : "etaoinshrdlcumwfgy";
    return Array.from({ length: 2 + random.below(8) }, () => letters[random.below(18)]).join("");
  });
  for (let made = 0; made < bytes;) {
    const text = Array.from({ length: 100 + random.below(500) }, (_, i) => {
      const word = words[Math.floor(words.length * random.float64() ** 3)];
      return i % 40 === 39 ? `"${word}",\n` : word;
    }).join(" ");
    made += Buffer.byteLength(text);
    yield text;
  }
}

function jsonLine(text: string, i: number): string {
  return `${JSON.stringify({ id: i, text, meta: { pile_set_name: "A" } })}\n`;
}

const jsonLines = (bytes: number) => linesOf(bytes, jsonLine);

/** Lines, some megabytes at a time. */
function* linesOf(
  bytes: number,
  line: (text: string, i: number) => string,
  end = "",
): Generator<Uint8Array> {
  let [i, part] = [0, ""];
  for (const text of texts(bytes)) {
    part += line(text, i++);
    if (part.length < 1 << 20) continue;
    yield new TextEncoder().encode(part);
    part = "";
  }
  yield new TextEncoder().encode(part + end);
}

function write(
  path: string,
  parts: Iterable<Uint8Array>,
  pack: (part: Uint8Array) => Uint8Array = (part) => part,
): void {
  using file = Deno.openSync(path, { write: true, create: true });
  for (const part of parts) writeAll(file, pack(part));
}

if (import.meta.main) {
  const [name, folder, bytes] = Deno.args;
  const measured = await cases[name].measure(folder, Number(bytes));
  console.log(JSON.stringify({ case: name, ...measured }));
}
