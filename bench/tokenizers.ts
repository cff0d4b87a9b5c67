/**
 * Measures tokenizers against SentencePiece (`spm_train`, `spm_encode`; Debian package `sentencepiece`) and npm `tokenizers`.
 *
 *     deno task bench tokenizers [--only train,encode] [--filter TEXT] [--rounds 3] [--threads 2]
 *                                [--data DIR] [--json]
 *
 * Both sides run in turn, round by round, and each round's figures are divided by each other: a machine that slows down
 * slows both. Ends with exit code 1 when a cell misses its target.
 */
import { join } from "node:path";
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { UsageError } from "../base/mod.ts";
import { dataPath } from "../tests/support/data.ts";
import { type BenchOptions, type Cell, formatCell } from "./tokenizers/cell.ts";
import { encodingCells } from "./tokenizers/encoding.ts";
import { trainingCells } from "./tokenizers/training.ts";

const parts: Readonly<Record<string, (options: BenchOptions) => Promise<readonly Cell[]>>> = {
  train: trainingCells,
  encode: encodingCells,
};

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      filter: { type: "string", default: "" },
      rounds: { type: "string", default: "3" },
      threads: { type: "string", default: "2" },
      data: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const names = values.only?.split(",") ?? Object.keys(parts);
  for (const name of names) {
    if (Object.hasOwn(parts, name)) continue;
    throw new UsageError(
      `Cannot measure "${name}": expected one or more of ${Object.keys(parts).join(", ")}`,
    );
  }
  const data = values.data ?? dataPath;
  if (!existsSync(join(data, "domains")) || !existsSync(join(data, "multilingual"))) {
    throw new UsageError(
      `Cannot measure tokenizers: expected folders "domains" and "multilingual" of real text in "${data}", ` +
        "found none; --data DIR or DEPT_TEST_DATA says where they are",
    );
  }
  const scratch = Deno.makeTempDirSync({ prefix: "dept-bench-" });
  const say = values.json ? () => {} : (line: string) => console.log(line);
  const options: BenchOptions = {
    data,
    scratch,
    rounds: wholeNumber("rounds", values.rounds),
    threads: wholeNumber("threads", values.threads),
    filter: values.filter,
    say,
  };
  const cells: Cell[] = [];
  try {
    for (const name of names) {
      say(`${name}: ours, theirs, how many times better ours is`);
      cells.push(...await parts[name](options));
    }
  } finally {
    Deno.removeSync(scratch, { recursive: true });
  }
  const missed = cells.filter(({ ratio, target }) => target !== undefined && !(ratio >= target));
  if (values.json) console.log(JSON.stringify(cells, null, 2));
  for (const cell of missed) say(`missed: ${formatCell(cell)}`);
  if (missed.length > 0) Deno.exitCode = 1;
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new UsageError(`Cannot use --${name}: expected a whole number above 0, found "${text}"`);
}
