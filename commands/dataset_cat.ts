/**
 * `dataset cat`: rows, one a line, or as a file of another format.
 */
import { type ColumnDescription, fieldAt, inputOf, readerDefaults } from "../datasets/mod.ts";
import { didYouMean, StageError, UsageError, writeAll } from "../base/mod.ts";
import type { CommandModule } from "./command_line.ts";
import { addDatasetOptions, datasetInput, type DatasetOptions } from "./dataset_inputs.ts";
import { isOnTerminal, openOutput } from "./file_output.ts";
import { jsonValue } from "./json_values.ts";
import { wholeNumber } from "./option_values.ts";
import { outputFormat } from "./output_format.ts";
import { withRecordProgress } from "./reading_progress.ts";

interface CatOptions extends DatasetOptions {
  readonly column?: string;
  readonly limit?: string;
  readonly format?: string;
  readonly output?: string;
}

export const command: CommandModule<void> = {
  declare: (command) =>
    addDatasetOptions(command)
      .option("-c, --column <name>", "only this column, or a field in it: meta.title")
      .option("-n, --limit <n>", "only the first rows")
      .option(
        "-f, --format <format>",
        "json (a row a line), parquet or arrow (default: as the output's name ends, else json)",
      )
      .option("-o, --output <file>", "instead of standard output")
      .addHelpText("after", examples),
  act: (_, input: string, options: CatOptions) => cat(input, options),
};

/** Text is written in pieces of about this many characters. */
const flushLength = 1 << 16;

const outputs = {
  act: "print as",
  formats: ["json", "parquet", "arrow"],
  endings: {
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
  },
  others: /\.([ct]sv|gz|zst)$/,
} as const;

/** Prints the rows of all that the argument names. A row that cannot be read ends it. */
async function cat(argument: string, options: CatOptions): Promise<void> {
  const format = outputFormat(outputs, options);
  const limit = options.limit === undefined ? Infinity : wholeNumber("--limit", options.limit, 0);
  const rows = () => rowsOf(argument, options, limit);
  using output = openOutput(options.output, format !== "json");
  if (format === "json") await writeLines(rows(), output);
  else await writeColumns(rows, format, output);
  output.finish();
}

/** Writes a file of columns; its writer needs a file, so what is for standard output is a temporary one first. */
async function writeColumns(
  rows: () => ReturnType<typeof rowsOf>,
  format: "parquet" | "arrow",
  output: ReturnType<typeof openOutput>,
): Promise<void> {
  const { writeColumnFile } = await import("./column_files.ts");
  if (output.path !== undefined) return await writeColumnFile(output.path, format, rows);
  const path = await Deno.makeTempFile();
  try {
    await writeColumnFile(path, format, rows);
    using file = await Deno.open(path);
    for await (const chunk of file.readable) writeAll(output, chunk);
  } finally {
    await Deno.remove(path);
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
  let isFound = false;
  /** The whole row, or the one field that is asked for. */
  const selected = (row: object): Record<string, unknown> => {
    if (column === undefined) return { ...row };
    const value = fieldAt(row, column);
    isFound ||= value !== undefined;
    return { [column]: value ?? null };
  };
  const end = () => {
    if (column === undefined || isFound || given === 0) return;
    throw new StageError(
      `Cannot print column "${column}" of "${argument}": expected it in a row, found it in none of ${given}`,
    );
  };
  if (limit === 0) return;
  for (const { documents } of generators.slice(0, 1)) {
    for (const { text } of documents()) {
      // A generator has no end of its own.
      if (given++ === (Number.isFinite(limit) ? limit : 1000)) return end();
      yield selected({ text });
    }
  }
  for (const { name, reader, open } of files) {
    await using opened = await open();
    const input = await inputOf(opened);
    const records = await reader.readRecords(input, {
      maxRowBytes: readerDefaults.maxRowBytes,
      columns: column === undefined ? undefined : [column],
    });
    checkColumn(column, records.columns ?? [], name);
    const isQuiet = isOnTerminal(options.output);
    for await (const batch of withRecordProgress(records, input, name, isQuiet)) {
      for (const record of batch) {
        if ("problem" in record) {
          throw new StageError(
            `Cannot read "${input.name}", ${records.unit} ${record.row}: ${record.problem}`,
          );
        }
        yield selected(record.value);
        if (++given === limit) return end();
      }
    }
  }
  end();
}

/** @throws UsageError for a column that a file with named columns lacks */
function checkColumn(
  column: string | undefined,
  columns: readonly ColumnDescription[],
  file: string,
): void {
  const names = columns.map(({ name }) => name);
  if (column === undefined || names.length === 0) return;
  if (names.some((one) => column === one || column.startsWith(`${one}.`))) return;
  const has = `it has ${names.join(", ")}`;
  throw new UsageError(
    `Cannot print column "${column}" of "${file}"${didYouMean(column, names)}: ${has}`,
  );
}

async function writeLines(
  rows: AsyncIterable<Record<string, unknown>>,
  output: Parameters<typeof writeAll>[0],
): Promise<void> {
  let text = "";
  for await (const row of rows) {
    text += `${JSON.stringify(jsonValue(row))}\n`;
    if (text.length < flushLength) continue;
    writeAll(output, text);
    text = "";
  }
  writeAll(output, text);
}

const examples = `
Examples:
  deno task dataset cat train.parquet --limit 3                        the first rows
  deno task dataset cat train.parquet --column meta.title
  deno task dataset cat old.jsonl --output new.parquet                 a file of columns
  deno task dataset cat sw --recipe multilingual-small --set data=DIR  a source of a recipe`;
