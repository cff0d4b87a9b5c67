/**
 * `dataset inspect`: what a file holds.
 */
import {
  type ColumnDescription,
  type Document,
  readerDefaults,
  type RecordStream,
} from "../../datasets/mod.ts";
import { formatBytes, formatCount, messageOf, StageError } from "../base/mod.ts";
import {
  type DatasetFile,
  type DatasetGenerator,
  datasetInput,
  type DatasetOptions,
} from "./_dataset_inputs.ts";
import { jsonValue } from "./_json_values.ts";

export interface InspectOptions extends DatasetOptions {
  readonly json?: boolean;
  readonly all?: boolean;
}

/** Without `--all` a file is read up to this many bytes as stored; a larger one has its rows estimated. */
const readBytes = 64 * 1024 * 1024;
const firstRows = 3;
const namedProblems = 10;
/** Rows from which the columns of formats without a schema are gathered. */
const typedRows = 1000;
/** Names that people give to the text, likely ones first. */
const textNames = [
  "text",
  "content",
  "document",
  "body",
  "article",
  "message",
  "sentence",
  "story",
];

/** What is known of a file. */
interface Inspection {
  readonly file: string;
  readonly format: string;
  readonly bytes?: number;
  /** Null where an error came before any row. */
  readonly rows?: number;
  readonly rowsAreExact?: boolean;
  readonly columns?: readonly ColumnDescription[];
  /** The column that is most likely the text: pass it as `documents.textField`. */
  readonly textColumn?: string | null;
  readonly first?: readonly unknown[];
  readonly problems: { readonly rows: number; readonly first: readonly string[] };
  /** Why the file was refused. */
  readonly error?: string;
}

/** Inspects all that the argument names. Gives 1 when a file is refused. */
export async function inspect(argument: string, options: InspectOptions): Promise<number> {
  const { isFile, files, generators } = await datasetInput(argument, options);
  const found: (Inspection | GeneratorInspection)[] = generators.map(inspectGenerator);
  for (const file of files) found.push(await inspectFile(file, options));
  if (options.json) {
    console.log(JSON.stringify(isFile ? found[0] : { input: argument, files: found }, null, 2));
  } else console.log(found.map(textOf).join("\n\n"));
  return found.some((one) => "error" in one && one.error !== undefined) ? 1 : 0;
}

async function inspectFile(
  { name, reader, open }: DatasetFile,
  options: InspectOptions,
): Promise<Inspection> {
  const known: { -readonly [Key in keyof Inspection]: Inspection[Key] } = {
    file: name,
    format: reader.format,
    problems: { rows: 0, first: [] },
  };
  let rows = 0, problemRows = 0;
  const problems: string[] = [];
  const samples: unknown[] = [];
  let records: RecordStream | undefined;
  const conclude = () => {
    const columns = columnsOf(records, samples);
    known.columns = columns;
    known.textColumn = textColumn(columns, samples);
    known.first = samples.slice(0, firstRows).map(jsonValue);
    known.problems = { rows: problemRows, first: problems };
    known.rows = rows;
  };
  try {
    await using input = await open();
    known.bytes = input.size;
    records = reader.readRecords(input, { maxRowBytes: readerDefaults.maxRowBytes });
    let isWhole = true;
    for await (const batch of records) {
      for (const record of batch) {
        rows++;
        if ("problem" in record) {
          problemRows++;
          if (problems.length < namedProblems) {
            problems.push(`${records.unit} ${record.row}: ${record.problem}`);
          }
        } else if (samples.length < typedRows) samples.push(record.value);
      }
      if (options.all || records.bytesRead <= readBytes) continue;
      isWhole = records.bytesRead >= records.bytesTotal;
      break;
    }
    conclude();
    known.rows = records.totalRows ??
      (isWhole ? rows : Math.round(rows * records.bytesTotal / records.bytesRead));
    known.rowsAreExact = isWhole || records.totalRows !== undefined;
    if (rows > 0 && rows === problemRows) {
      known.error = `expected rows that can be read, found none: ${problems[0]}`;
    }
  } catch (error) {
    if (!(error instanceof StageError)) throw error;
    if (records !== undefined) conclude();
    known.rowsAreExact = false;
    known.error = messageOf(error);
  }
  const { problems: bad, error, ...facts } = known;
  return { ...facts, problems: bad, ...(error === undefined ? {} : { error }) };
}

/** The file's own word, or the fields of the first rows with what they hold. */
function columnsOf(
  records: RecordStream | undefined,
  samples: readonly unknown[],
): ColumnDescription[] {
  if (records?.columns !== undefined && records.columns.length > 0) return [...records.columns];
  const types = new Map<string, Set<string>>();
  for (const sample of samples) {
    if (typeof sample !== "object" || sample === null || Array.isArray(sample)) continue;
    for (const [name, value] of Object.entries(sample)) {
      if (!types.has(name)) types.set(name, new Set());
      types.get(name)!.add(kindOf(value));
    }
  }
  return [...types].map(([name, kinds]) => ({ name, type: [...kinds].sort().join(" | ") }));
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** The best of the columns and fields of text: by its name, else by the length of its values. */
function textColumn(
  columns: readonly ColumnDescription[],
  samples: readonly unknown[],
): string | null {
  const lengths = new Map<string, { sum: number; count: number }>();
  const walk = (value: unknown, path: string, depth: number) => {
    if (typeof value === "string" || value instanceof Uint8Array) {
      const seen = lengths.get(path) ?? { sum: 0, count: 0 };
      lengths.set(path, { sum: seen.sum + value.length, count: seen.count + 1 });
    } else if (typeof value === "object" && value !== null && !Array.isArray(value) && depth < 3) {
      for (const [name, inner] of Object.entries(value)) {
        walk(inner, path === "" ? name : `${path}.${name}`, depth + 1);
      }
    }
  };
  for (const sample of samples.slice(0, 100)) walk(sample, "", 0);
  const rank = (path: string) => {
    const place = textNames.indexOf(path.slice(path.lastIndexOf(".") + 1));
    return place < 0 ? textNames.length : place;
  };
  const mean = (path: string) => lengths.get(path)!.sum / lengths.get(path)!.count;
  const candidates = [...lengths.keys()].sort((a, b) => rank(a) - rank(b) || mean(b) - mean(a));
  if (candidates.length > 0) return candidates[0];
  return columns.find(({ type }) => /string|utf8/.test(type))?.name ?? null;
}

interface GeneratorInspection {
  readonly source: string;
  readonly format: "generated";
  readonly generator: string;
  readonly entropyBitsPerByte: number;
  readonly first: readonly Document[];
}

function inspectGenerator(
  { name, generator, entropyBitsPerByte, documents }: DatasetGenerator,
): GeneratorInspection {
  const first: Document[] = [];
  for (const document of documents()) {
    first.push(document);
    if (first.length === firstRows) break;
  }
  return { source: name, format: "generated", generator, entropyBitsPerByte, first };
}

function textOf(found: Inspection | GeneratorInspection): string {
  if ("generator" in found) {
    const { source, generator, entropyBitsPerByte, first } = found;
    return [
      `${source}: made by generator "${generator}", ${entropyBitsPerByte.toFixed(3)} bits per byte`,
      ...first.map(({ text }) => `  ${shortened(text)}`),
    ].join("\n");
  }
  const {
    file,
    format,
    bytes,
    rows,
    rowsAreExact,
    columns = [],
    textColumn,
    first = [],
    problems,
    error,
  } = found;
  const count = rows === undefined
    ? undefined
    : `${rowsAreExact ? rows : `about ${formatCount(rows)}`} rows`;
  const facts = [
    format,
    bytes === undefined ? undefined : formatBytes(bytes),
    error ? undefined : count,
  ];
  return [
    `${file}: ${facts.filter((fact) => fact !== undefined).join(", ")}`,
    ...(error === undefined ? [] : [`  refused: ${error}`]),
    ...columns.map(({ name, type }) =>
      `  ${name}: ${type}${name === textColumn ? "  <- text" : ""}`
    ),
    ...(textColumn?.includes(".") ? [`  text: ${textColumn}`] : []),
    ...first.map((row) => `  ${shortened(JSON.stringify(row))}`),
    ...(problems.rows > 0
      ? [`  ${problems.rows} bad rows:`, ...problems.first.map((one) => `    ${one}`)]
      : []),
  ].join("\n");
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
