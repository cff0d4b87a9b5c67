/**
 * Imports damaged models: each ends in a sentence that begins with "Cannot", or is read all the same (a damaged number is a number).
 *
 *     deno task instruments imports-fuzz [--count 20000] [--first 0] [--seed 17] [--json]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Random, seedOf, StageError, UsageError } from "../../base/mod.ts";
import { localFiles } from "../../stages/external_files.ts";
import { readExternalModel } from "../../training/mod.ts";
import { externalNetworks, writeExternalModel } from "../support/external_model.ts";
import { otherHeader } from "./checkpoints_fuzz.ts";
import { rangeOf, rangeOptions } from "./fuzz_range.ts";
import { mutated, restructured, type Sample } from "./mutations.ts";

// deno-lint-ignore require-await
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { ...rangeOptions, json: { type: "boolean", default: false } },
  });
  const { count, first, seed } = rangeOf(values);
  const result = fuzzImports(count, first, seed);
  console.log(
    values.json ? JSON.stringify(result) : [
      `${count} damaged models: ${result.read} read all the same, ${result.refused} refused with a sentence`,
      ...result.failures,
    ].join("\n"),
  );
  if (result.failures.length > 0) Deno.exitCode = 1;
}

interface ImportsFuzzResult {
  readonly read: number;
  readonly refused: number;
  /** With the number that makes it again (`--first N --count 1`). */
  readonly failures: readonly string[];
}

/** Damages copies of small models, with the numbers `first` to `first + count - 1`. */
export function fuzzImports(count: number, first: number, seed: number): ImportsFuzzResult {
  const folders = Object.values(externalNetworks).slice(0, 3).map((network, i) => {
    const folder = Deno.makeTempDirSync({ prefix: "dept-fuzz-" });
    writeExternalModel(folder, network, { parts: 1 + i, numbers: i === 2 ? "F16" : "F32" });
    return folder;
  });
  const samples = folders.map((folder) =>
    [...Deno.readDirSync(folder)].map(({ name }) => name).sort()
      .filter((name) => /^config\.json$|safetensors/.test(name))
      .map((name): Sample => ({ name, bytes: Deno.readFileSync(join(folder, name)) }))
  );
  let [read, refused] = [0, 0];
  const failures: string[] = [];
  try {
    for (let index = first; index < first + count; index++) {
      const which = index % folders.length;
      const changed = damage(samples[which], folders[which], seed, index);
      try {
        importFrom(folders[which]);
        read++;
      } catch (error) {
        const isSentence = (error instanceof StageError || error instanceof UsageError) &&
          /^Cannot [a-z]/.test(error.message) && error.message.length < 2000;
        if (isSentence) refused++;
        else failures.push(`${index}, ${changed}: ${(error as Error).stack}`);
      }
      for (const { name, bytes } of samples[which]) {
        Deno.writeFileSync(join(folders[which], name), bytes);
      }
    }
    return { read, refused, failures };
  } finally {
    for (const folder of folders) Deno.removeSync(folder, { recursive: true });
  }
}

function importFrom(folder: string): void {
  const files = localFiles(folder, "external.neox.from");
  const weights = Object.entries(files).filter(([name]) => name.endsWith(".safetensors"))
    .map(([name, path]) => ({ name, path }));
  readExternalModel({ config: files["config.json"], weights });
}

/** Writes a damaged copy of one file. Returns the file's name. */
function damage(samples: readonly Sample[], folder: string, seed: number, index: number): string {
  const random = new Random(seedOf(seed, `import/${index}`));
  const sample = samples[random.below(samples.length)];
  const isTensors = sample.name.endsWith(".safetensors");
  const { name, bytes } = random.below(3) === 0
    ? mutated([sample], seed, index)
    : isTensors
    ? otherHeader(sample, seed, index)
    : restructured(sample, seed, index);
  Deno.writeFileSync(join(folder, name), bytes);
  return name;
}
