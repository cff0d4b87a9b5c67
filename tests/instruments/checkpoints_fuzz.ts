/**
 * Reads damaged checkpoints: each is passed over with one line that names it, or read as it was. Half of them have digests that fit the
 * damage, as a hostile writer would leave them.
 *
 *     deno task instruments checkpoints-fuzz [--count 20000] [--first 0] [--seed 17] [--json]
 */
import { parseArgs } from "node:util";
import { type Log, Random, seedOf, sha256 } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import {
  CheckpointStore,
  packState,
  type StateData,
  type Tensors,
  unpackState,
} from "../../training/mod.ts";
import { mutated, restructured, type Sample } from "./mutations.ts";
import { rangeOf, rangeOptions } from "./fuzz_range.ts";

// deno-lint-ignore require-await
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...rangeOptions,
      json: { type: "boolean", default: false },
    },
  });
  const { count, first, seed } = rangeOf(values);
  const result = fuzzCheckpoints(count, first, seed);
  console.log(
    values.json ? JSON.stringify(result) : [
      `${count} damaged checkpoints: ${result.read} read all the same, ${result.refused} passed over with a line`,
      ...result.failures,
    ].join("\n"),
  );
  if (result.failures.length > 0) Deno.exitCode = 1;
}

interface CheckpointsFuzzResult {
  readonly read: number;
  readonly refused: number;
  /** With the number that makes it again (`--first N --count 1`). */
  readonly failures: readonly string[];
}

/** Damages copies of a checkpoint, with the numbers `first` to `first + count - 1`. */
export function fuzzCheckpoints(count: number, first: number, seed: number): CheckpointsFuzzResult {
  const folder = Deno.makeTempDirSync({ prefix: "dept-fuzz-" });
  const lines: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => void lines.push(message) };
  let [read, refused] = [0, 0];
  const failures: string[] = [];
  try {
    const store = new CheckpointStore(folder, log);
    const { results, ...held } = state();
    store.write(packState({ ...held, results: store.files.put(results) }));
    const samples = ["checkpoint-000001", ...partsOf(folder)].map((name): Sample => ({
      name,
      bytes: Deno.readFileSync(`${folder}/${name}`),
    }));
    for (let index = first; index < first + count; index++) {
      lines.length = 0;
      const changed = damage(samples, folder, seed, index);
      try {
        const found = store.latest(unpackState);
        if (found !== undefined) read++;
        else if (lines.length === 1 && lines[0].includes("heckpoint")) refused++;
        else failures.push(`${index}, ${changed}: no line says what is wrong: ${lines.join("; ")}`);
      } catch (error) {
        failures.push(`${index}, ${changed}: ${(error as Error).stack}`);
      }
      for (const name of partsOf(folder)) Deno.removeSync(`${folder}/${name}`);
      for (const { name, bytes } of samples) Deno.writeFileSync(`${folder}/${name}`, bytes);
    }
    return { read, refused, failures };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** The files of tensors. */
function partsOf(folder: string): string[] {
  return [...Deno.readDirSync(`${folder}/.parts`)].map(({ name }) => `.parts/${name}`).sort();
}

/** Writes a damaged copy of one file, every second time with digests that fit it. Returns the file's name. */
function damage(samples: readonly Sample[], folder: string, seed: number, index: number): string {
  const random = new Random(seedOf(seed, `checkpoint/${index}`));
  const [checkpoint] = samples;
  const sample = samples[random.below(samples.length)];
  const way = random.below(3);
  const isFitting = random.below(2) === 0;
  const [, text] = new TextDecoder().decode(checkpoint.bytes).split("\n");
  const write = (text: string) =>
    Deno.writeTextFileSync(`${folder}/${checkpoint.name}`, `${sha256(text)}\n${text}\n`);
  if (sample === checkpoint && isFitting && way !== 0) {
    const written = { name: sample.name, bytes: new TextEncoder().encode(text) };
    write(new TextDecoder().decode(restructured(written, seed, index).bytes));
    return sample.name;
  }
  const isTensors = sample !== checkpoint;
  const { name, bytes } = way === 0 || !isTensors
    ? mutated([sample], seed, index)
    : otherHeader(sample, seed, index);
  Deno.writeFileSync(`${folder}/${name}`, bytes);
  if (isTensors && isFitting) {
    const digest = sha256(bytes);
    Deno.renameSync(`${folder}/${name}`, `${folder}/.parts/${digest}.safetensors`);
    write(text.replace(/[0-9a-f]{64}/g, (old) => name.includes(old) ? digest : old));
  }
  return name;
}

/** A file of tensors whose header is JSON of another shape. */
export function otherHeader({ name, bytes }: Sample, seed: number, index: number): Sample {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = { name, bytes: bytes.slice(8, 8 + length) };
  const changed = restructured(header, seed, index).bytes;
  const copy = new Uint8Array(8 + changed.length + bytes.length - 8 - length);
  new DataView(copy.buffer).setBigUint64(0, BigInt(changed.length), true);
  copy.set(changed, 8);
  copy.set(bytes.subarray(8 + length), 8 + changed.length);
  return { name, bytes: copy };
}

function state(): StateData & { readonly results: Tensors } {
  const tensor = (...shape: number[]) => ({
    shape,
    data: new Float32Array(shape.reduce((size, length) => size * length, 1)).fill(0.5),
  });
  return {
    round: 2,
    shared: { "embedding.token.weight": tensor(4, 2), "body.norm_final.weight": tensor(2) },
    results: { "body.norm_final.weight": tensor(2), "body.norm_1.weight": tensor(1) },
    metrics: [{ kind: "round", round: 1 }],
  };
}
