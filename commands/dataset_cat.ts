/**
 * `dataset cat`: rows, one a line, or as a file of another format.
 */
import { join } from "node:path";
import { readerDefaults } from "../datasets/mod.ts";
import { didYouMean, messageOf, StageError, UsageError, writeAll } from "../base/mod.ts";
import type { CommandModule } from "./command_line.ts";
import { addDatasetOptions, datasetInput, type DatasetOptions } from "./dataset_inputs.ts";
import { jsonValue } from "./json_values.ts";
import { oneOf, wholeNumber } from "./option_values.ts";
import { withRecordProgress } from "./reading_progress.ts";

interface CatOptions extends DatasetOptions {
  readonly column?: string;
  readonly limit?: string;
  readonly format: string;
  readonly output?: string;
}

export const command: CommandModule<void> = {
  declare: (command) =>
    addDatasetOptions(command)
      .option("-c, --column <name>", "only this column, or a field in it: meta.title")
      .option("-n, --limit <n>", "only the first rows")
      .option("-f, --format <format>", "json (a row a line), parquet or arrow", "json")
      .option("-o, --output <file>", "instead of standard output"),
  act: (_, input: string, options: CatOptions) => cat(input, options),
};

/** Text is written in pieces of about this many characters. */
const flushLength = 1 << 16;

/** Prints the rows of all that the argument names. A row that cannot be read ends it. */
async function cat(argument: string, options: CatOptions): Promise<void> {
  const format = oneOf(["json", "parquet", "arrow"], "print as", options.format);
  const limit = options.limit === undefined ? Infinity : wholeNumber("--limit", options.limit, 0);
  const rows = () => rowsOf(argument, options, limit);
  const { output } = options;
  if (format === "json") {
    if (output === undefined) return await writeLines(rows(), Deno.stdout);
    return await writeFile(output, async (path) => {
      using file = await Deno.create(path);
      await writeLines(rows(), file);
    });
  }
  const { writeColumnFile } = await import("./column_files.ts");
  const write = (path: string) => writeColumnFile(path, format, rows);
  if (output !== undefined) return await writeFile(output, write);
  const folder = await Deno.makeTempDir();
  try {
    await write(join(folder, "rows"));
    using file = await Deno.open(join(folder, "rows"));
    const chunk = new Uint8Array(1 << 20);
    for (let n = await file.read(chunk); n !== null; n = await file.read(chunk)) {
      writeAll(Deno.stdout, chunk.subarray(0, n));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Has a file written beside its place and gives it its name when it is whole. */
async function writeFile(output: string, write: (path: string) => Promise<void>): Promise<void> {
  const path = `${output}.part`;
  try {
    await Deno.create(path).then((file) => file.close());
  } catch (cause) {
    throw new UsageError(
      `Cannot write "${output}": expected a place for a file, found "${messageOf(cause)}"`,
      { cause },
    );
  }
  try {
    await write(path);
    await Deno.rename(path, output);
  } catch (error) {
    await Deno.remove(path);
    throw error;
  }
}

async function* rowsOf(
  argument: string,
  options: CatOptions,
  limit: number,
): AsyncGenerator<Record<string, unknown>> {
  const { column } = options;
  const { files, generators } = await datasetInput(argument, options);
  let given = 0;
  if (limit === 0) return;
  for (const { documents } of generators.slice(0, 1)) {
    for (const { text } of documents()) {
      // A generator has no end of its own.
      if (given++ === (Number.isFinite(limit) ? limit : 1000)) return;
      yield selected({ text }, column, "generated text");
    }
  }
  for (const { name, reader, open } of files) {
    await using input = await open();
    const records = reader.readRecords(input, {
      maxRowBytes: readerDefaults.maxRowBytes,
      columns: column === undefined ? undefined : [column],
    });
    const isQuiet = options.output === undefined && Deno.stdout.isTerminal();
    for await (const batch of withRecordProgress(records, name, isQuiet)) {
      for (const record of batch) {
        if ("problem" in record) {
          throw new StageError(
            `Cannot read "${input.name}", ${records.unit} ${record.row}: ${record.problem}`,
          );
        }
        const { columns } = records;
        if (column !== undefined && columns !== undefined && columns.length > 0) {
          const names = columns.map(({ name }) => name);
          if (!names.some((one) => column === one || column.startsWith(`${one}.`))) {
            throw new UsageError(
              `Cannot print column "${column}" of "${name}"${didYouMean(column, names)}: it has ${
                names.join(", ")
              }`,
            );
          }
        }
        yield selected(record.value, column, `"${input.name}", ${records.unit} ${record.row}`);
        if (++given === limit) return;
      }
    }
  }
}

/** The whole row, or the one field that is asked for. */
function selected(
  value: unknown,
  column: string | undefined,
  place: string,
): Record<string, unknown> {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  if (column === undefined) return isRecord ? value as Record<string, unknown> : { value };
  if (!isRecord) {
    throw new StageError(`Cannot print column "${column}" of ${place}: expected an object`);
  }
  let inner: unknown = value;
  let rest = column;
  // A field of that very name comes before a path.
  while (
    typeof inner === "object" && inner !== null && !Object.hasOwn(inner, rest) && rest.includes(".")
  ) {
    const dot = rest.indexOf(".");
    inner = (inner as Record<string, unknown>)[rest.slice(0, dot)];
    rest = rest.slice(dot + 1);
  }
  return { [column]: (inner as Record<string, unknown> | null | undefined)?.[rest] ?? null };
}

async function writeLines(
  rows: AsyncIterable<Record<string, unknown>>,
  target: Parameters<typeof writeAll>[0],
): Promise<void> {
  let text = "";
  for await (const row of rows) {
    text += `${JSON.stringify(jsonValue(row))}\n`;
    if (text.length < flushLength) continue;
    writeAll(target, text);
    text = "";
  }
  writeAll(target, text);
}
